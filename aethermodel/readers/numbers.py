"""Numbers in cells of text tables: decimal commas, grouped digits, words for a missing value."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aethermodel.inputs.refusals import quoted
from aethermodel.inputs.sizes import size_of
from aethermodel.readers.series import Floats
from aethermodel.readers.units import SECONDS, time_unit

_PLAIN = re.compile(r"[-+]?(?:\d+\.?(\d*)|\.(\d+))(?:[eE]([-+]?\d{1,4}))?")
_LEADING = re.compile(r"[-+]?(?:\d[\d.,'\s_]*|[.,]\d+)(?:[eE][-+]?\d{1,4})?")
# What stands between groups of three digits besides a point or a comma.
_GROUPS = re.compile(r"(?<=\d)['\u2019\u00a0\u202f_](?=\d{3}(?!\d))")
_GROUPED = {
    mark: re.compile(rf"[-+]?\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+") for mark in (",", ".")
}
# What can only be a decimal comma: other than three digits after it, or points before it.
_DECIMAL_COMMA = re.compile(
    r"[-+]?(?:\d*,(?:\d{1,2}|\d{4,})|\d{1,3}(?:\.\d{3})+,\d+|0,\d+)(?:[eE].*)?"
)
_GROUPING_COMMA = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3}){2,}(?:\.\d*)?|,\d{3}\.\d*)")
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}(?:[eE].*)?")


class AmbiguousError(ValueError):
    """A number that reads as two: ``1,024`` is one and a bit, or a thousand."""

    def __init__(self, row: int, cell: str) -> None:
        super().__init__(f"{quoted(cell)} is one thousand or a fraction: write it without a comma")
        self.row = row


@dataclass(frozen=True)
class Numbers:
    """Numbers of a column.

    Attributes
    ----------
    values : (rows,) array
        NaN where a cell holds none.
    steps : (rows,) array or None
        What the last printed digit is worth; None where the cells were no texts.
    units : dict
        Row to the unit of time that stands in its cell.
    """

    values: Floats
    steps: Floats | None
    units: dict[int, str]


def read_numbers(cells: Sequence[Any], *, sizes: bool = False) -> Numbers:
    """Read a column of cells.

    Parameters
    ----------
    cells : sequence
        Numbers, texts or None.
    sizes : bool
        Take ``64 KiB`` and ``4K`` for numbers, too.

    Raises
    ------
    AmbiguousError
        If commas may be decimal ones or not.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iuf":
        return Numbers(cells.astype(np.float64), None, {})
    # Lists: to set one item of an array takes several times longer.
    values, steps = [float("nan")] * len(cells), [float("nan")] * len(cells)
    units: dict[int, str] = {}
    decimal_comma: bool | None = None
    for row, cell in enumerate(cells):
        if isinstance(cell, bool | np.bool_) or cell is None:
            continue
        if isinstance(cell, int | float | np.number):
            values[row] = _float(cell)
            continue
        text = _GROUPS.sub("", str(cell).strip().replace("\N{MINUS SIGN}", "-"))
        found = _PLAIN.fullmatch(text)
        if found is None:
            number = _LEADING.match(text)
            if number is None:
                continue
            text, word = number[0].strip(), text[number.end() :].strip()
            if "," in text:
                if decimal_comma is None:
                    decimal_comma = _has_decimal_commas(cells)
                if decimal_comma is None:
                    raise AmbiguousError(row, str(cell))
                text = _with_point(text, decimal_comma)
            found = _PLAIN.fullmatch(text)
            if found is None:
                continue
            if word:
                if sizes and (bytes_ := _sized(text, word)) is not None:
                    values[row] = bytes_
                elif not sizes and (unit := time_unit(word)):
                    units[row] = unit
                else:
                    continue
        if math.isnan(values[row]):
            values[row] = _float(text)
        # A power of ten would raise where this is infinite.
        steps[row] = float(f"1e{int(found[3] or 0) - len(found[1] or found[2] or '')}")
    return Numbers(np.array(values), np.array(steps), units)


def unit_seconds(unit: str) -> float:
    """Return the seconds of a unit of time, such as ``us``.

    Raises
    ------
    ValueError
        If there is no such unit.
    """
    known = time_unit(unit)
    if known is None:
        raise ValueError(f"no unit of time {quoted(unit)}: give s, ms, us or ns")
    return SECONDS[known]


def _float(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, ValueError):
        return float("nan")


def _sized(number: str, word: str) -> float | None:
    try:
        return float(size_of(f"{number}{'K' if word == 'k' else word}"))
    except ValueError:
        return None


def _has_decimal_commas(cells: Sequence[Any]) -> bool | None:
    """Tell decimal commas from grouping ones by the cells in which they can be but one."""
    either = False
    for cell in cells:
        number = _LEADING.match(str(cell).strip())
        text = number[0].strip() if number else ""
        if "," not in text:
            continue
        if _DECIMAL_COMMA.fullmatch(text):
            return True
        if _GROUPING_COMMA.fullmatch(text):
            return False
        either |= _EITHER.fullmatch(text) is not None
    return None if either else False


def _with_point(text: str, decimal_comma: bool) -> str:
    if not decimal_comma:
        return text.replace(",", "")
    whole, _, part = text.rpartition(",")
    return f"{whole.replace('.', '') if _GROUPED['.'].fullmatch(whole) else whole}.{part}"
