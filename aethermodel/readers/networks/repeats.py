"""Runs: tables of one test in one file, joined as repeats or kept apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from aethermodel.readers.notes import Notes
from aethermodel.readers.numbers import AmbiguousError, read_numbers

#: Tables of which the times differ by more, in the middle, are no repeats of one curve.
_MOST_APART = math.log(1.25)
_LETTERS = re.compile(r"[^A-Za-z]+")
_LONGEST = 60


def join_runs(
    rows: Sequence[Mapping[str, Any]], lines: Sequence[int], notes: Notes
) -> list[dict[str, Any]]:
    """Return rows with columns ``run`` and ``table`` in place of the number of their table.

    Tables of one test with the same settings are runs of one curve if they agree at the sizes
    that they share; else ``table`` tells them apart, by the line before each if they differ.
    """
    tables: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        tables.setdefault(row["table"], []).append(at)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for number, members in tables.items():
        alike.setdefault(_settings(rows[members[0]]), []).append(number)
    titles = {number: str(rows[members[0]].get("title", "")) for number, members in tables.items()}
    made = [{**row, "table": "", "run": ""} for row in rows]
    for numbers in alike.values():
        if len(numbers) < 2:
            continue
        curves = [_curve([rows[at] for at in tables[number]]) for number in numbers]
        shared = [_apart(curves[0], curve) for curve in curves[1:]]
        # Lines that differ in more than a number or a time of day say that the tables do, too.
        said = {_LETTERS.sub("", titles[number]) for number in numbers}
        same = len(said) == 1 and all(apart is None or apart <= _MOST_APART for apart in shared)
        named = len({titles[number] for number in numbers}) == len(numbers)
        repeated = any(apart is not None for apart in shared)
        for count, number in enumerate(numbers, 1):
            for at in tables[number]:
                label = titles[number][:_LONGEST] if named and not same else str(count)
                made[at]["run" if same else "table"] = label if repeated or not same else ""
        for number in numbers[1:]:
            words = "a further table of one test: " + (
                "its rows are runs of the same curve"
                if same
                else "kept apart, its times or the lines before it differ"
            )
            notes.add(words, lines[tables[number][0]])
    return made


def _settings(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a table's rows have in common: every text label."""
    labels = row.get("labels", {})
    return tuple(sorted(labels.items()))


def _curve(rows: Sequence[Mapping[str, Any]]) -> dict[float, float]:
    """Return the median time by size."""
    try:
        sizes = read_numbers([row["bytes"] for row in rows]).values
        times = read_numbers([row["time"] for row in rows]).values
    except AmbiguousError:
        return {}
    by_size: dict[float, list[float]] = {}
    for size, time in zip(sizes, times, strict=True):
        if 0 < time < math.inf and 0 <= size < math.inf:
            by_size.setdefault(float(size), []).append(float(time))
    return {size: median(values) for size, values in by_size.items()}


def _apart(one: Mapping[float, float], other: Mapping[float, float]) -> float | None:
    """Return how far two curves are apart in the middle, as a logarithm; None if nowhere both."""
    shared = one.keys() & other.keys()
    apart = [abs(math.log(other[size]) - math.log(one[size])) for size in shared]
    return median(apart) if apart else None
