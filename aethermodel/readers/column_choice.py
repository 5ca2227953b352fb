"""Choice of columns: which are sizes, times and labels, asked for or told by their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.numbers import AmbiguousError, read_numbers
from aethermodel.readers.series import UnreadableMeasurements
from aethermodel.readers.table import Table
from aethermodel.readers.units import unit_in_header, words_of

# fmt: off
_SIZES = frozenset((
    "n", "size", "sizes", "bytes", "batch", "batchsize", "batch_size", "msg_size", "message_size",
    "msgsize", "blocksize", "block_size", "nbytes", "count", "events", "elements", "items",
    "records", "rows", "length", "len",
))
_TIMES = frozenset((
    "time", "times", "t", "seconds", "latency", "duration", "elapsed", "mean", "median", "avg",
    "average", "wall", "runtime",
))
# fmt: on
_RUNS = frozenset(["process", "pid", "run", "run_id"])
_MOST_LISTED = 12


@dataclass(frozen=True)
class Asked:
    """Columns and a unit that somebody asked for; empty where nobody did.

    Attributes
    ----------
    size, time : str
    unit : str
        Of the times.
    group : tuple of str
    second : tuple of str
    process : str
    unit_is_default : bool
        Whether the table may know the unit better.
    """

    size: str = ""
    time: str = ""
    unit: str = ""
    group: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    process: str = ""
    unit_is_default: bool = False


@dataclass(frozen=True)
class Chosen:
    """Columns that a table's measurements are made of."""

    size: str
    time: str
    group: tuple[str, ...]
    second: tuple[str, ...]
    process: str
    notes: tuple[str, ...]


def names(given: Sequence[str] | str) -> tuple[str, ...]:
    """Return one name, several or none as a tuple."""
    return ((given,) if given else ()) if isinstance(given, str) else tuple(given)


def choose_columns(table: Table, source: str, asked: Asked) -> Chosen:
    """Choose the columns of sizes, times, labels and further variables.

    Raises
    ------
    UnreadableMeasurements
        If one that was asked for is missing, or the names do not tell.
    """
    for name in filter(None, (asked.size, asked.time, asked.process, *asked.group, *asked.second)):
        if name not in table.columns:
            raise UnreadableMeasurements(
                f"{source}: no column {quoted(name)}; it has {listed(table.columns)}"
            )
    notes: list[str] = []
    time = asked.time or table.time or _time(table, source, asked)
    size = asked.size or table.size or _size(table, source, time, asked)
    if size == time:
        raise UnreadableMeasurements(f"{source}: {quoted(size)} is asked for as size and as time")
    if not (asked.size or table.size) or not (asked.time or table.time):
        notes.append(f"size is {quoted(size)} and time {quoted(time)}, by their names")
    process = asked.process or table.process or _process(table, {size, time, *asked.group})
    if process and not (asked.process or table.process):
        notes.append(f"{quoted(process)} is read as the process or run of a row")
    taken = {size, time, process, table.spread, table.repeats, table.resolution}
    others = [name for name in (*table.group, *table.second) if name not in taken]
    if asked.group:
        group = asked.group
        others = [name for name in others if name not in group]
    else:
        group = tuple(name for name in table.group if name not in taken)
        others = [name for name in others if name in table.second]
        if not table.group and (words := _word_columns(table, taken)):
            group = words
            notes.append(
                f"grouped by {listed(words)}, which {'holds' if len(words) == 1 else 'hold'} words"
            )
    second = asked.second or tuple(n for n in others if _varies(table.columns[n]))
    return Chosen(size, time, group, second, process, tuple(notes))


def listed(columns: Iterable[str]) -> str:
    """Return names in one line, the first few of many."""
    some = list(columns)
    more = f" and {len(some) - _MOST_LISTED} more" if len(some) > _MOST_LISTED else ""
    return ", ".join(some[:_MOST_LISTED]) + more or "no columns"


def _time(table: Table, source: str, asked: Asked) -> str:
    numeric = _numeric(table, {asked.size, *asked.group})
    named = [name for name in numeric if unit_in_header(name)]
    if len(named) != 1:
        named = [name for name in numeric if _TIMES & {*words_of(name)}]
    if len(named) != 1:
        exact = [name for name in named if name.lower() in _TIMES]
        named = exact if len(exact) == 1 else named
    if len(named) != 1:
        raise UnreadableMeasurements(
            f"{source}: which column is the time? give --time COLUMN (time= in Python); "
            f"it has {listed(table.columns)}"
        )
    return named[0]


def _size(table: Table, source: str, time: str, asked: Asked) -> str:
    numeric = _numeric(table, {time, *asked.group, table.spread, table.repeats, table.resolution})
    if table.sizes:
        numeric = [name for name in numeric if name in table.sizes]
    named = [name for name in numeric if _plain(name) in _SIZES]
    if len(named) != 1 and len(numeric) == 1:
        named = numeric
    if len(named) != 1:
        raise UnreadableMeasurements(
            f"{source}: which column is the size? give --size COLUMN (size= in Python); it has "
            f"{listed(table.sizes or [name for name in table.columns if name != time])}"
        )
    return named[0]


def _process(table: Table, taken: set[str]) -> str:
    named = [n for n in table.columns if n.lower().strip() in _RUNS and n not in taken]
    return named[0] if len(named) == 1 else ""


def _plain(name: str) -> str:
    return "_".join(words_of(name))


def _numeric(table: Table, without: set[str]) -> list[str]:
    return [
        name for name, cells in table.columns.items() if name not in without and _is_numeric(cells)
    ]


def _is_numeric(cells: Sequence[Any]) -> bool:
    """Whether at least half of a column's cells that are not empty hold numbers."""
    if isinstance(cells, np.ndarray):
        return cells.dtype.kind in "iuf"
    some = [cell for cell in cells[:2000] if cell is not None and str(cell).strip()]
    try:
        numbers = read_numbers(some, sizes=True)
        read = int(np.isfinite(numbers.values).sum())
        if 2 * read < len(some):
            numbers = read_numbers(some)
            read = int(np.isfinite(numbers.values).sum())
    except AmbiguousError:
        return True
    return bool(some) and 2 * read >= len(some)


def _varies(cells: Sequence[Any]) -> bool:
    return _is_numeric(cells) and len({str(cell) for cell in cells}) > 1


def _word_columns(table: Table, taken: set[str]) -> tuple[str, ...]:
    """Return columns of words of which each stands in at least two rows, on average."""
    rows = len(table.lines)
    named = []
    for name, cells in table.columns.items():
        if name in taken or isinstance(cells, np.ndarray) or _is_numeric(cells):
            continue
        different = {str(cell) for cell in cells}
        if 1 < len(different) <= rows / 2:
            named.append(name)
    return tuple(named)
