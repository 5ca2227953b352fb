"""Assembly of series: sizes, seconds and axes of a table's rows, and notes on the rows left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.column_choice import Asked, choose_columns
from aethermodel.readers.notes import Notes, unlike
from aethermodel.readers.numbers import AmbiguousError, Numbers, read_numbers, unit_seconds
from aethermodel.readers.series import Floats, Labels, Series, UnreadableMeasurements
from aethermodel.readers.table import Table
from aethermodel.readers.units import time_kind, unit_in_header

#: Most curves of a file; a column that tells more apart is an identifier.
MOST_SERIES = 1000
#: Longest time in seconds and largest size that are no misprints.
LONGEST, LARGEST = 1e9, 1e18

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Assembled:
    """Series of a table, the column of their sizes, their kind of time, and notes."""

    size: str
    time_kind: str
    series: tuple[Series, ...]
    notes: tuple[str, ...]


def assemble(table: Table, source: str, asked: Asked) -> Assembled:
    """Make series of the columns that somebody asked for, or of the usual ones.

    Raises
    ------
    UnreadableMeasurements
        If a column or a unit has to be named, or no row holds a size and a time.
    """
    chosen = choose_columns(table, source, asked)
    notes = Notes()
    notes.extend(table.notes)
    for words in chosen.notes:
        notes.add(words)

    def numbers(column: str, *, sizes: bool = False) -> Numbers:
        try:
            return read_numbers(table.columns[column], sizes=sizes)
        except AmbiguousError as error:
            where = f"{table.row_word} {table.lines[error.row]}"
            raise UnreadableMeasurements(f"{source}: {where}: {column}: {error}") from None

    sizes = numbers(chosen.size, sizes=True).values
    times = numbers(chosen.time)
    scale = _scale(table, chosen.time, times, asked, source, notes)
    seconds = times.values * scale
    left_out = Notes()
    kept = np.flatnonzero(_kept(table, chosen.size, chosen.time, sizes, seconds, left_out))
    if not kept.size:
        left_out.extend(table.notes)
        why = "; ".join(left_out.told(table.row_word)) or "it has no rows"
        raise UnreadableMeasurements(
            f"{source}: no row holds a size and a time ({why}): name other columns, or look "
            "whether the run failed"
        )
    notes.extend(left_out)
    steps = None if times.steps is None else times.steps * scale

    def beside(column: str) -> Floats | None:
        """Return a column that belongs to the usual times, if it is there and they are taken."""
        there = column and column in table.columns and chosen.time == table.time
        return numbers(column).values if there else None

    if (printed := beside(table.resolution)) is not None:
        steps = printed * scale
    if (spread := beside(table.spread)) is not None:
        spread = spread * scale
    repeats = beside(table.repeats)
    process = table.columns[chosen.process] if chosen.process else None
    second = {name: numbers(name).values for name in chosen.second}
    series = tuple(
        Series(
            axes=axes,
            sizes=sizes[rows],
            seconds=seconds[rows],
            spread=_known(spread, rows),
            repeats=_known(repeats, rows),
            resolution=_coarse(_known(steps, rows), seconds[rows]),
            process=_labels(process, rows),
            second={name: values[rows] for name, values in second.items()},
        )
        for axes, rows in _groups(table, chosen.group, kept, source)
    )
    used = [table.time_kind or time_kind(chosen.size, chosen.time)]
    if table.time_kind and table.time_kind in table.columns:
        kinds = table.columns[table.time_kind]
        used = sorted({str(kinds[row]) for row in kept.tolist()})
    return Assembled(chosen.size, " / ".join(used), series, notes.told(table.row_word))


def _scale(
    table: Table, column: str, times: Numbers, asked: Asked, source: str, notes: Notes
) -> Floats:
    """Return the seconds of a row's unit, by row."""
    written = table.units.get(column) or unit_in_header(column)
    unit = written or asked.unit
    if written and asked.unit and unit_seconds(asked.unit) != unit_seconds(written):
        if not asked.unit_is_default:
            raise UnreadableMeasurements(
                f"{source}: {quoted(column)} is in {written}, not in {asked.unit}: leave the unit "
                "out, or rename the column"
            )
        notes.add(f"{quoted(column)} is read in {written}, as the table has it")
    scale = np.full(times.values.size, unit_seconds(unit) if unit else np.nan)
    for row, word in times.units.items():
        scale[row] = unit_seconds(word)
    without = np.isnan(scale) & np.isfinite(times.values)
    if without.any():
        where = f"{table.row_word} {table.lines[int(np.argmax(without))]}"
        raise UnreadableMeasurements(
            f"{source}: {where}: in what unit is {quoted(column)}? give --unit s, ms, us or ns "
            '(unit="us" in Python)'
        )
    return scale


def _kept(
    table: Table, size: str, time: str, sizes: Floats, seconds: Floats, notes: Notes
) -> npt.NDArray[np.bool_]:
    """Return which rows hold a size and a time, and note the others."""
    right_size = np.isfinite(sizes) & (sizes >= 0) & (sizes <= LARGEST)
    right_time = np.isfinite(seconds) & (seconds > 0) & (seconds <= LONGEST)
    kept = right_size & right_time
    for row in np.flatnonzero(~kept).tolist():
        if not right_size[row]:
            why = unlike("size", table.columns[size][row])
        elif seconds[row] == 0:
            why = "a time of 0, below its last digit"
        else:
            why = unlike("time", table.columns[time][row])
        notes.add(f"{why}: left out", table.lines[row])
    return kept


def _groups(
    table: Table, group: Sequence[str], rows: Rows, source: str
) -> Iterator[tuple[dict[str, str], Rows]]:
    """Yield the axes and the rows of each curve, in the order of the file."""
    found: dict[tuple[str, ...], list[int]] = {}
    for row in rows.tolist():
        key = tuple(_label(table.columns[name][row]) for name in group)
        found.setdefault(key, []).append(row)
        if len(found) > MOST_SERIES:
            raise UnreadableMeasurements(
                f"{source}: {', '.join(group)} tell more than {MOST_SERIES:,} curves apart: "
                "group by other columns"
            )
    varying = [i for i in range(len(group)) if len({key[i] for key in found}) > 1]
    for key, places in found.items():
        axes = {group[i]: key[i] for i in varying if key[i]}
        yield axes, np.array(places, dtype=np.intp)


def _label(cell: Any) -> str:
    """Return a label as a name shows it: whole numbers without a point."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return "" if cell is None else " ".join(str(cell).split())


def _labels(cells: Sequence[Any] | None, rows: Rows) -> Labels | None:
    """Return the labels of rows; None where all are empty."""
    if cells is None:
        return None
    labels = np.array([_label(cells[row]) for row in rows.tolist()], dtype=np.str_)
    return labels if (labels != "").any() else None


def _known(values: Floats | None, rows: Rows) -> Floats | None:
    if values is None or not np.isfinite(values[rows]).any():
        return None
    return values[rows]


def _coarse(steps: Floats | None, seconds: Floats) -> Floats | None:
    """Return rounding steps, or None where all are too fine to matter."""
    if steps is None or (np.nan_to_num(steps) < 1e-7 * seconds).all():
        return None
    return steps
