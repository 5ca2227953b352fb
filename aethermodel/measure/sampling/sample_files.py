"""Sample files: the samples of a trial with campaign and host, as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from aethermodel.calibrate.predict.in_place import figures_of
from aethermodel.inputs.fields import Content, Fingerprint, Moment
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError
from aethermodel.output_files import replacing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Where pandas keeps what a table is about.
_ABOUT = b"PANDAS_ATTRS"
_MOST_ROWS, _MOST_COLUMNS, _MOST_BYTES = 5_000_000, 200, 2**30
_TEXTS, _TRUTHS = ("probe",), ("noisy", "final")
#: Least and most of the numbers that figures are made of.
_NUMBERS = {
    "seconds": (1e-14, 1e6),
    "seconds_all": (1e-14, 1e6),
    "loops": (1, 2**53),
    "core_seconds": (0, 1e6),
    "trip_seconds": (0, 1e6),
    "point": (0, 2**31),
    "repeat": (0, 2**31),
    "attempt": (0, 2**31),
    "order": (0, 2**40),
    "stolen_seconds": (0, 1e9),
    "switches": (0, 2**53),
    "load": (0, 1e9),
    "clock_ns": (0, 1e9),
    "process": (0, 2**31),
    "batch_size": (1, 2**40),
    "calls": (0, 2**40),
    "threads": (1, 65_536),
    "topics": (1, 65_536),
    "pool": (1, 2**20),
    "record_bytes": (1, 2**20),
    "contended": (0, 1),
}
_EVERY_ROW = ("seconds", "process")


class About(Content):
    """What samples are of.

    Attributes
    ----------
    campaign : dict
        Of `aethermodel.measure.campaign.campaign_settings.Campaign`.
    host : Fingerprint
    taken : str
        ISO 8601.
    """

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    campaign: dict[str, Any] = Field(max_length=100)
    host: Fingerprint
    taken: Moment


def write_samples(samples: pd.DataFrame, path: Path) -> None:
    """Write samples with their attributes, whole or not at all; the folder is made."""
    with replacing(path) as file:
        samples.to_parquet(file, index=False)


def read_samples(path: Path | str) -> pd.DataFrame:
    """Read samples; ``attrs`` holds campaign, host and date.

    Raises
    ------
    InputError
        In one line, if the file holds no samples of a trial.
    OSError
        If it cannot be read.
    """
    content = read_bytes(path)
    with refusing(path):
        table = _table(content)
        about = (table.schema.metadata or {}).get(_ABOUT)
        if about is None:
            raise InputError("no samples of a trial (campaign, host or date is missing)")
        known = About.model_validate(parse_json(about))
        _check(table)
        samples: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        figures_of(samples)  # also those that no figure is made of
        samples.attrs = known.model_dump(exclude={"host"}) | {"host": known.host.facts()}
    return samples


def _table(content: bytes) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        if (
            not 0 < file.metadata.num_rows <= _MOST_ROWS
            or file.metadata.num_columns > _MOST_COLUMNS
            or not 0 <= size <= _MOST_BYTES
        ):
            raise InputError("not a Parquet file of samples (none, or too many of them)")
        table = file.read(use_threads=False)
        table.validate(full=True)
        # Texts are looked at one by one only when they are made.
        for column in table.columns:
            if _is_text(column.type):
                column.to_pylist()
    except InputError:
        raise
    # Arrow's own errors, and of damaged bytes also OSError, MemoryError, OverflowError.
    except Exception as error:
        raise InputError(f"not a Parquet file ({error})") from None
    return table


def _is_text(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _check(table: pa.Table) -> None:
    import pyarrow as pa
    from pyarrow import compute, types

    names = table.column_names
    if len(set(names)) < len(names):
        raise InputError("a column is given twice")
    for name in (*_TEXTS, *_TRUTHS, *_EVERY_ROW, "batch_size", "calls"):
        if name not in names:
            raise InputError(f"no samples of a trial: they lack the column {name}")
    for name, column in zip(names, table.columns, strict=True):
        kind = column.type
        number = types.is_integer(kind) or types.is_floating(kind)
        if not (number or types.is_boolean(kind) or _is_text(kind) or types.is_null(kind)):
            raise InputError(f"{name}: {kind}, but samples hold numbers, texts and truths")
        if name in _NUMBERS:
            least, most = _NUMBERS[name]
            if not number:
                raise InputError(f"{name}: should hold numbers, not {kind}")
            values = column.cast(pa.float64(), safe=False)
            bad = compute.invert(
                compute.and_(
                    compute.greater_equal(values, float(least)),
                    compute.less_equal(values, float(most)),
                )
            )
            if types.is_floating(kind):
                # What a probe does not set is NaN there.
                bad = compute.and_(bad, compute.invert(compute.is_nan(values)))
            if compute.any(bad).as_py():
                raise InputError(f"{name}: a value is not {least:g} to {most:g}")
        if name in _EVERY_ROW:
            nan = types.is_floating(kind) and compute.any(compute.is_nan(column)).as_py()
            if column.null_count or nan:
                raise InputError(f"{name}: a value is missing")
        for wanted, fits in ((_TEXTS, _is_text(kind)), (_TRUTHS, types.is_boolean(kind))):
            if name in wanted and (not fits or column.null_count):
                raise InputError(f"{name}: {kind}, with {column.null_count} missing")
