"""Published tables: a folder of them, each a file of sizes and times that names its source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aethermodel.inputs.refusals import InputError, one_line, quoted

Floats = NDArray[np.float64]

_HEADER = "n,seconds"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes
    ----------
    name : str
        Of its file, without the ending.
    source : str
        Its first line.
    n, seconds : ndarray, shape (rows,)
        Repeats are several rows of one size.
    """

    name: str
    source: str
    n: Floats
    seconds: Floats

    @property
    def sizes(self) -> Floats:
        """Distinct sizes, ascending."""
        return np.unique(self.n)

    def figure(self, size: float) -> Floats:
        """Times of one size."""
        return np.asarray(self.seconds[self.n == size])


def read_tables(folder: Path) -> list[Table]:
    """Read every ``.csv`` of a folder, by name.

    Raises
    ------
    InputError
        If there is none, or one is no such table; names file and line.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".csv")
    except OSError as error:
        raise InputError(one_line(error)) from None
    if not files:
        raise InputError(f"{folder}: no table in it: wanted files NAME.csv of columns {_HEADER}")
    return [_read(path) for path in files]


def _read(path: Path) -> Table:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than any table")
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(one_line(error)) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text in UTF-8") from None
    if len(lines) < 2 or not lines[0].startswith("#"):
        raise InputError(f"{path}: line 1: wanted a comment that names the source: # SOURCE")
    if lines[1].replace(" ", "").lower() != _HEADER:
        raise InputError(f"{path}: line 2: wanted {_HEADER}, not {quoted(lines[1])}")
    rows = []
    for number, line in enumerate(lines[2:], 3):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            size, seconds = (float(cell) for cell in line.split(","))
        except ValueError:
            raise InputError(f"{path}: line {number}: no size and time: {quoted(line)}") from None
        if not (np.isfinite(size) and size >= 0 and np.isfinite(seconds) and seconds > 0):
            raise InputError(
                f"{path}: line {number}: wanted a size of 0 or above and a time above 0, "
                f"not {quoted(line)}"
            )
        rows.append((size, seconds))
    if not rows:
        raise InputError(f"{path}: no row in it")
    n, seconds_of = np.array(rows).T
    return Table(path.stem, lines[0].lstrip("# ").strip(), n, seconds_of)
