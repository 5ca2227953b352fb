"""Readable tables: figures with their units, names as words, yes and no."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING, Any

from aethermodel.report.engineering_notation import engineering
from aethermodel.text.number_format import plain, size_text
from aethermodel.text.percentages import MINUS, percent, percentage

if TYPE_CHECKING:
    import pandas as pd

#: In `units`, the unit of every other column of figures that are not whole.
REST = ""
#: Units beside those of `engineering`: a share, one with its sign, and a size.
SHARE, CHANGE, SIZE = "%", "+%", "size"

# Digits after the point that all figures of a column have where one needs them, and the figure
# from which on they mean nothing.
_MOST_DECIMALS, _LARGE = 3, 1000
# Of more columns than that the units of rates stand in the head: a sheet of paper is no wider.
_MANY = 9
_WRITERS = {SHARE: percentage, CHANGE: percent, SIZE: size_text}
_RATE, _TIME = "per_second", "seconds"
_WORDS = {"n": "N", _TIME: "time", _RATE: "rate"}


def readable(table: pd.DataFrame, units: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return a table of data as it is read: ``p99_seconds`` of 1.99e-6 is a ``P99`` of 1.99 µs.

    Parameters
    ----------
    table : pandas.DataFrame
    units : mapping of str to str, optional
        Units by column, where its name does not end in one (``_seconds``, ``_per_second``,
        ``_share``); that of `REST` is of all others.
    """
    import pandas as pd

    titles = [title(str(name)) for name in table.columns]
    if len(set(titles)) < len(titles):
        titles = [str(name) for name in table.columns]
    of = [unit_of(str(name), units) for name in table.columns]
    columns = [_column(table.iloc[:, at], unit) for at, unit in enumerate(of)]
    if len(columns) > _MANY:
        for at, unit in enumerate(of):
            if unit.endswith("/s") and columns[at].dtype == object:
                titles[at] += f", {unit}"
                columns[at] = columns[at].str.removesuffix(unit).str.rstrip()
    shown = pd.concat(columns, axis="columns") if columns else table.copy()
    shown.columns = pd.Index(titles)
    return shown


def unit_of(name: str, units: Mapping[str, str] | None = None) -> str:
    """Return the unit of a column, by `units` or by its name; empty where none is known."""
    given = units or {}
    if name in given:
        return given[name]
    if name == _TIME or name.endswith(f"_{_TIME}"):
        return "s"
    if name.endswith(_RATE):
        things = name.removesuffix(_RATE).removesuffix("_")
        return f"{things}/s" if things.endswith("s") else "1/s"
    if name == "share" or name.endswith("_share"):
        return SHARE
    return SIZE if name == "n" else given.get(REST, "")


def title(name: str) -> str:
    """Return a column's name as words, without its unit."""
    words = name if name in _WORDS else name.removesuffix(f"_{_TIME}").removesuffix(f"_{_RATE}")
    return re.sub(r"\bp(?=\d)", "P", _WORDS.get(words, words).replace("_", " "))


def written(value: float, unit: str) -> str:
    """Write a figure with its unit; nothing known is a dash."""
    if isnan(value):
        return "–"
    writer = _WRITERS.get(unit)
    if writer is not None:
        return writer(value)
    if unit:
        return engineering(value, unit)
    whole = float(value).is_integer() and abs(value) < 1e12
    return size_text(value) if whole or abs(value) == inf else plain(value, 4)


def column_figures(values: pd.Series[Any]) -> list[str]:
    """Write figures without a unit as one column: 0.2, 1.0 and 1.6, not 0.2000, 1 and 1.600.

    As many digits follow the point as the figure with most of them needs; not so in a column that
    is of large and of small ones, as the large ones would have digits that mean nothing.
    """
    texts = [written(float(value), "") for value in values]
    finite = [float(value) for value in values if isfinite(value)]
    needed = [written(value, "").rstrip("0").partition(".")[2] for value in finite if value % 1]
    digits = max(map(len, needed), default=0)
    if not 0 < digits <= _MOST_DECIMALS or max(map(abs, finite)) >= _LARGE:
        return texts
    return [
        f"{value:,.{digits}f}".replace("-", MINUS) if isfinite(value) else text
        for value, text in zip(map(float, values), texts, strict=True)
    ]


def _column(values: pd.Series[Any], unit: str) -> pd.Series[Any]:
    kind = values.dtype.kind
    if kind == "b":
        return values.map({True: "yes", False: "no"})
    if kind in "iuf" and unit:
        return values.map(lambda value: written(value, unit)).astype(object)
    return values
