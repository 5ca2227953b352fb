"""Readers of foreign measurements, and mutations of their text tables."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.torture import mutations
from tools.torture.readers import ROOT, Reader, attempt
from tools.torture.source import Source

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
_BETWEEN = ("\t", " ", "  ", ",", ";", "|", " \t ")


def sources(folder: Path) -> dict[str, Source]:
    """Return every reader of measurements with what mutates its samples.

    Parameters
    ----------
    folder : path
        For the files that they read.
    """
    made = {name: path.read_bytes() for name, path in sorted(_files().items())}
    made |= {"table.parquet": _parquet(), "table.arrow": _arrow(), "rows.jsonl": _rows()}
    return {f"measurements-{name}": _source(name, data, folder) for name, data in made.items()}


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


def _source(name: str, data: bytes, folder: Path) -> Source:
    from aethermodel.inputs.refusals import InputError

    asked = ASKED.get(name, {})
    reader = Reader(lambda: data, Path(name).suffix, _read(asked), (InputError,))
    # Of several JSON documents in one file, one is changed.
    parts = re.split(rb"(?<=})\n(?={)", data.rstrip(b"\n")) if data[:1] == b"{" else [data]
    is_text = not data.startswith((b"PAR1", b"ARROW1"))

    def make(draw: random.Random) -> bytes:
        if is_text and draw.random() < (0.2 if data[:1] in b"{[" else 0.6):
            return mutate_table(data, draw)
        at = draw.randrange(len(parts))
        changed = mutations.mutate(parts[at], draw)
        return b"\n".join((*parts[:at], changed, *parts[at + 1 :]))

    return Source(make, lambda changed: attempt(reader, changed, folder), ())


def _read(asked: dict[str, Any]) -> Callable[[Path], object]:
    """Return what reads a file as it is recognised, and uses every series."""

    def read(path: Path) -> object:
        from aethermodel.readers.read import read as read_measurements

        found = read_measurements(path, **asked)
        assert found.series, "no series"
        names = [series.name for series in found.series]
        assert len({*names}) == len(names), f"two series of one name: {names}"
        for series in found.series:
            check_series(series)
        assert all(note.isprintable() for note in found.notes), "a note is not printable"
        return found

    return read


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
