"""Readers of foreign measurements, and mutations of their text tables."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tools.torture.inputs import file_mutation
from tools.torture.inputs.readers import ROOT, Reader, attempt
from tools.torture.inputs.source import Source

SAMPLES = ROOT / "tests" / "readers" / "samples"

#: What has to be asked of a sample besides its path.
ASKED: dict[str, dict[str, Any]] = {
    "extra_p.txt": {"unit": "s"},
    "extra_p.json": {"unit": "s"},
    "extra_p.jsonl": {"unit": "s", "size": "size"},
    "google_benchmark.json": {"size": "bytes"},
    "google_benchmark.csv": {"size": "bytes"},
    "google_benchmark.txt": {"size": "n"},
}
_CELLS = (
    *("nan", "-nan", "inf", "-1", "0", "0.0", "-0", "OOM", "N/A", "-", "", "1,5", "1.024,5"),
    *("1,024", "1'024", "64K", "64KiB", "1e400", "1e-400", "9" * 400, "1_000", "0x10", "\u221212"),
    *("12.3us", "1.5 ms", "#", "error", "\u00b5s", "\x1b[31m7\x1b[0m", "\u0661\u0662", "\u00b2"),
    *("a" * 300, '"', '"1', "=1+1", "1;2", "1|2", "True", "None", "12:30", "(us)", "[usec]"),
)
_CHATTER = (
    *("mpirun: Warning: one host is down", "Killed", "Segmentation fault (core dumped)", "", " \t"),
    *("[1,0]<stdout>:", "0: ", "#", "# a comment", "-----", "slurmstepd: error: *** STEP ***"),
)
# Values of a list, or lines of a table, that a shortened sample keeps: the fewest that will do.
_ALIKE = (4, 6, 8)
_BETWEEN = ("\t", " ", "  ", ",", ";", "|", " \t ")


@dataclass(frozen=True)
class Sample:
    """A valid file of measurements.

    Attributes
    ----------
    name : str
    format : str
        Name of the reader that knows it.
    data : bytes
    asked : dict
        What has to be asked of it, as `aethermodel.readers.column_choice.Asked` takes it.
    """

    name: str
    format: str
    data: bytes
    asked: dict[str, Any]

    @cached_property
    def is_text(self) -> bool:
        """Whether it has lines and cells."""
        return not self.data.startswith((b"PAR1", b"ARROW1"))

    @cached_property
    def documents(self) -> list[bytes]:
        """The JSON documents of a file of several; else the file."""
        if self.data[:1] != b"{":
            return [self.data]
        return re.split(rb"(?<=})\n(?={)", self.data.rstrip(b"\n"))


def samples() -> list[Sample]:
    """Return the samples of every format, each with the reader that knows it by its content."""
    from aethermodel.readers.column_choice import Asked
    from aethermodel.readers.file_content import Document
    from aethermodel.readers.read import measurements_of

    made = {name: path.read_bytes() for name, path in sorted(_files().items())}
    made |= {"table.parquet": _parquet(), "table.arrow": _arrow(), "rows.jsonl": _rows()}
    made |= {"rows.json": _row_list(), "table.csv": _csv()}
    found = []
    for name, data in made.items():
        asked = ASKED.get(name, {})
        format = measurements_of(Document(name, data), Asked(**asked)).format
        found.append(Sample(name, format, data, asked))
    return found


def shortened(sample: Sample) -> Sample:
    """Return a sample with a few values of each list, and a few lines of one shape in a row.

    It is read several times faster, and a change in it hits what matters more often. The sample
    itself where what is left is none of its format.
    """
    from aethermodel.inputs.refusals import InputError
    from aethermodel.readers.column_choice import Asked
    from aethermodel.readers.file_content import Document
    from aethermodel.readers.read import measurements_of

    for most in _ALIKE if sample.is_text else ():
        try:
            data = b"\n".join(_short_json(each, most) for each in sample.documents)
        except ValueError:
            data = _short_text(sample.data, most)
        try:
            format = measurements_of(Document(sample.name, data), Asked(**sample.asked)).format
        except InputError:
            continue
        if format == sample.format and len(data) < len(sample.data):
            return replace(sample, data=data)
    return sample


def _short_json(data: bytes, most: int) -> bytes:
    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: short(inner) for name, inner in value.items()}
        if not isinstance(value, list):
            return value
        # Spread over the list, so that what differs along it still does.
        return [short(inner) for inner in value[:: -(-len(value) // most) or 1]]

    # Some readers go by the lines on which documents begin and end.
    indent = 0 if b"\n" in data.strip() else None
    return json.dumps(short(json.loads(data)), indent=indent).encode()


def _short_text(data: bytes, most: int) -> bytes:
    kept: list[bytes] = []
    before, count = b"", 0
    for line in data.split(b"\n"):
        shape = re.sub(rb"[0-9.]+", b"0", b" ".join(line.split()))
        count = count + 1 if shape == before else 1
        before = shape
        if count <= most:
            kept.append(line)
    return b"\n".join(kept)


def sources(folder: Path) -> dict[str, Source]:
    """Return every reader of measurements with what mutates its samples.

    Parameters
    ----------
    folder : path
        For the files that they read.
    """
    return {f"measurements-{one.name}": _source(one, folder) for one in samples()}


def mutant(sample: Sample, draw: random.Random) -> bytes:
    """Return a damaged sample: cells, lines, JSON values or bare bytes changed."""
    data = sample.data
    if sample.is_text and draw.random() < (0.2 if data[:1] in b"{[" else 0.6):
        return mutate_table(data, draw)
    # Of several JSON documents in one file, one is changed.
    parts = sample.documents
    at = draw.randrange(len(parts))
    changed = file_mutation.mutate(parts[at], draw)
    return b"\n".join((*parts[:at], changed, *parts[at + 1 :]))


def mutate_table(data: bytes, draw: random.Random) -> bytes:
    """Change cells, lines and delimiters of a text table.

    Parameters
    ----------
    data : bytes
        UTF-8.
    draw : random.Random
        Decides all.
    """
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        at = draw.randrange(len(lines))
        line = lines[at]
        words = line.split(" ")
        match draw.randrange(10):
            case 0 | 1 | 2:
                words[draw.randrange(len(words))] = draw.choice(_CELLS)
                lines[at] = " ".join(words)
            case 3:
                lines[at] = line[: draw.randrange(len(line) + 1)]
            case 4:
                lines.insert(at, draw.choice((*_CHATTER, *lines)))
            case 5:
                del lines[at : at + draw.choice((1, 1, 2, 20))]
            case 6:
                old, new = draw.choice(_BETWEEN), draw.choice(_BETWEEN)
                lines = [each.replace(old, new) for each in lines]
            case 7:
                lines += lines[at:]
            case 8:
                lines = [draw.choice(_CHATTER) + each for each in lines]
            case _:
                del lines[at + 1 :]
                lines[at] = line[: draw.randrange(len(line) + 1)]
        lines = lines[:2000] or [""]
    return "\n".join(lines).encode("utf-8", "replace")


def _source(sample: Sample, folder: Path) -> Source:
    from aethermodel.inputs.refusals import InputError

    reader = Reader(
        lambda: sample.data, Path(sample.name).suffix, _read(sample.asked), (InputError,)
    )
    return Source(
        lambda draw: mutant(sample, draw), lambda changed: attempt(reader, changed, folder), ()
    )


def _read(asked: dict[str, Any]) -> Callable[[Path], object]:
    """Return what reads a file as it is recognised, and uses every series."""

    def read(path: Path) -> object:
        from aethermodel.readers.read import read as read_measurements

        return check_measurements(read_measurements(path, **asked))

    return read


def check_measurements(found: Any) -> Any:
    """Check what every law may rely on; return the measurements.

    Raises
    ------
    AssertionError
    """
    assert found.series, "no series"
    names = [series.name for series in found.series]
    assert len({*names}) == len(names), f"two series of one name: {names}"
    for series in found.series:
        check_series(series)
    assert all(note.isprintable() for note in found.notes), "a note is not printable"
    return found


def check_series(series: Any) -> None:
    """Check what every law may rely on.

    Raises
    ------
    AssertionError
    """
    import numpy as np

    rows = len(series.sizes)
    assert rows, "a series without rows"
    assert np.isfinite(series.sizes).all() and (series.sizes >= 0).all(), "a size is none"
    assert np.isfinite(series.seconds).all() and (series.seconds > 0).all(), "a time is none"
    parts = (series.seconds, series.spread, series.repeats, series.resolution, series.process)
    for part in (*parts, *series.second.values()):
        assert part is None or len(part) == rows, "columns of different lengths"


def _files() -> dict[str, Path]:
    return {path.name: path for path in SAMPLES.iterdir() if path.suffix != ".md"}


def _columns() -> dict[str, list[Any]]:
    sizes = [1, 10, 100, 1000] * 4
    return {
        "n": sizes,
        "time_us": [2.0 + 0.01 * n for n in sizes],
        "host": ["a"] * 8 + ["b"] * 8,
    }


def _rows() -> bytes:
    columns = _columns()
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _row_list() -> bytes:
    return b"[" + _rows().rstrip(b"\n").replace(b"\n", b", ") + b"]"


def _csv() -> bytes:
    columns = _columns()
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]).encode()


def _parquet() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    made = io.BytesIO()
    parquet.write_table(pa.table(_columns()), made)
    return made.getvalue()


def _arrow() -> bytes:
    import pyarrow as pa

    made = io.BytesIO()
    table = pa.table(_columns())
    with pa.ipc.new_file(made, table.schema) as writer:
        writer.write_table(table)
    return made.getvalue()
