"""Parquet and Arrow files, whose columns say their own types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "parquet"

_PARQUET, _FILE, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
_MOST_ROWS, _MOST_COLUMNS, _MOST_BYTES = 5_000_000, 1000, 2**30


def recognises(document: Document) -> bool:
    """Whether a file begins as a Parquet file, an Arrow file or an Arrow stream does."""
    return document.content.startswith((_PARQUET, _FILE, _STREAM))


def parse(document: Document, asked: Asked) -> Table:
    """Return the rows of the table."""
    table = _arrow_table(document.content)
    columns: dict[str, Sequence[Any]] = {}
    units: dict[str, str] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name in columns:
            raise InputError(f"two columns are named {name!r}: rename one")
        columns[name] = _cells(column, name, units)
    return Table(columns, range(1, table.num_rows + 1), units=units, row_word="row")


def _arrow_table(content: bytes) -> pa.Table:
    import pyarrow as pa
    from pyarrow import ipc, parquet

    kind = "Parquet" if content.startswith(_PARQUET) else "Arrow"
    try:
        if kind == "Parquet":
            file = parquet.ParquetFile(pa.BufferReader(content))
            sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)]
            _check(file.metadata.num_rows, file.metadata.num_columns, sum(sizes))
            table = file.read(use_threads=False)
        elif content.startswith(_FILE):
            table = ipc.open_file(pa.BufferReader(content)).read_all()
        else:
            table = ipc.open_stream(pa.BufferReader(content)).read_all()
        _check(table.num_rows, table.num_columns, table.nbytes)
        table.validate(full=True)
    except InputError:
        raise
    # Arrow's own errors, and of damaged bytes also OSError, MemoryError, OverflowError.
    except Exception as error:
        raise InputError(f"no whole {kind} file ({error}): write it again") from None
    return table


def _check(rows: int, columns: int, size: int) -> None:
    if not 0 <= rows <= _MOST_ROWS or columns > _MOST_COLUMNS or not 0 <= size <= _MOST_BYTES:
        raise InputError(
            f"{rows:,} rows of {columns:,} columns: at most {_MOST_ROWS:,} of {_MOST_COLUMNS:,} "
            "are read: cut the table down to sizes and times"
        )


def _cells(column: pa.ChunkedArray, name: str, units: dict[str, str]) -> Sequence[Any]:
    """Return numbers as an array, a duration as its number, and everything else as a list."""
    import pyarrow as pa

    kind = column.type
    try:
        if pa.types.is_duration(kind):
            units[name] = kind.unit
            column, kind = column.cast(pa.int64()), pa.int64()
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            values = column.cast(pa.float64(), safe=False).to_numpy()
            return np.asarray(values, dtype=np.float64)  # type: ignore[return-value]
        return column.to_pylist()  # type: ignore[no-any-return]
    except Exception as error:  # texts that are none, dates that Python has not
        raise InputError(f"column {name!r} cannot be read ({error}): leave it out") from None
