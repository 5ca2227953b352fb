"""Heat map of the points of a sweep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.report import style
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE
from aethermodel.report.readable_table import SHARE

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from aethermodel.report.sweep.point_tables import SweepResult

_MOST_CELLS_WITH_TEXT = 120
# Names of columns and lines, and letters of the former, that fit beside one another.
_MOST_COLUMN_NAMES, _MOST_LINE_NAMES, _MOST_LETTERS = 20, 40, 60
# Cells beside one another that a figure of five letters fits into; in more it stands upright.
_MOST_ACROSS = 13
_MAP = "cividis"
# On the map in light and in dark pages alike, so none of the inks that follow the page.
_LIGHT, _DARK = "#fdfdfd", "#10161c"
_PER_SECOND = {"msg/s": "1/s"}
# What has no figure; a word in the cell says it without the hatching.
_HATCH = {"failed": "xxxx", "timeout": "||||", "missing": "...."}


def heatmap(result: SweepResult) -> ReportFigure:
    """Draw one cell a point; failed, timed out and missing ones are hatched and named.

    The first axis runs to the right; all others together are the rows.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    points = result.points
    across = result.axes[:1]
    down = result.axes[1:]
    columns = _distinct(points[across[0]]) if across else [""]
    lines = [tuple(row) for row in points[down].to_numpy(dtype=object)] if down else [()]
    lines = list(dict.fromkeys(lines))
    (name, unit), values = result.metric, points["value"]
    known = values[np.isfinite(values) & (values > 0)]
    norm = LogNorm(known.min(), max(known.max(), known.min() * 1.001)) if len(known) else None
    with style.styled():
        figure = style.new_figure(height=min(1.6 + 0.42 * len(lines), 12))
        axes = figure.subplots()
        grid = np.full((len(lines), len(columns)), np.nan)
        for row in points.to_dict("records"):
            x = columns.index(row[across[0]]) if across else 0
            y = lines.index(tuple(row[axis] for axis in down))
            grid[y, x] = row["value"]
            if row["state"] in _HATCH:
                _hatch(axes, Rectangle((x, y), 1, 1), row["state"])
            if len(points) <= _MOST_CELLS_WITH_TEXT:
                ink = _ink(row["value"], norm)
                place, text = (x + 0.5, y + 0.5), _text(row, unit)
                axes.text(
                    *place, text, ha="center", va="center", color=ink, fontsize=7.5, zorder=4,
                    rotation=90 if len(columns) > _MOST_ACROSS else 0,
                )  # fmt: skip
        mesh = axes.pcolormesh(np.ma.masked_invalid(grid), cmap=_MAP, norm=norm)
        if norm:
            bar = figure.colorbar(mesh, ax=axes, label=name)
            style.log_ticks(bar.ax.yaxis, _PER_SECOND.get(unit, unit))
        places, written = _thinned([style.literal(_short(c)) for c in columns], _MOST_COLUMN_NAMES)
        turned = sum(map(len, written)) > _MOST_LETTERS
        axes.set_xticks(places, written, rotation=45 if turned else 0)
        names = [", ".join(f"{a}={v}" for a, v in zip(down, line, strict=True)) for line in lines]
        lines_named = [style.literal(name) for name in names] if down else []
        axes.set_yticks(*_thinned(lines_named, _MOST_LINE_NAMES))
        axes.set_xlabel(across[0] if across else "the one point")
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(lines), 0)
        axes.grid(visible=False)
        style.settle(figure)
    starred = ""
    if (points["state"] == "partly").any():
        starred = " A star marks points of which only some repeats are done."
    return ReportFigure(
        figure,
        points,
        f"{name.capitalize()} of every point ({result.labels})",
        f"Label: {result.labels}. One cell a point: the median over repeats, colour on a "
        "logarithmic scale. Hatched cells have no figure and say why: failed, timeout, or missing "
        f"(not run yet).{starred} {HERE}",
        alt=_in_words(result),
        view=_view(result),
        units=dict.fromkeys((name, "low", "high"), unit)
        | dict.fromkeys(("P99", "P99, low", "P99, high"), "s")
        | {"disturbed": SHARE},
    )


def _view(result: SweepResult) -> pd.DataFrame:
    """Return what is known of each point: its state, the figure, P99, and what disturbed it."""
    columns = {
        "label": "label",
        "state": "state",
        "value": result.metric[0],
        "low": "low",
        "high": "high",
        "p99_seconds": "P99",
        "p99_low": "P99, low",
        "p99_high": "P99, high",
        "disturbed": "disturbed",
        "error": "error",
    }
    shown = result.points[[*result.axes, *columns]].rename(columns=columns)
    empty = [name for name in ("P99", "P99, low", "P99, high") if shown[name].isna().all()]
    if not shown["error"].astype(str).str.strip().any():
        empty.append("error")
    return shown.drop(columns=empty)


def _hatch(axes: Any, cell: Any, state: str) -> None:
    cell.set(facecolor="none", edgecolor=style.QUIET, hatch=_HATCH[state], zorder=3)
    axes.add_patch(cell)


def _text(row: dict[str, Any], unit: str) -> str:
    """Write a cell's figure; the unit stands at the colours once."""
    if row["state"] in _HATCH:
        return str(row["state"])
    figure = engineering(row["value"], _PER_SECOND.get(unit, unit), 2).removesuffix("/s")
    return f"{figure.strip()}{'*' if row['state'] == 'partly' else ''}"


def _ink(value: float, norm: Any) -> str:
    """Return what is read on a cell's colour: the map is dark at its low end."""
    dark = norm is not None and math.isfinite(value) and bool(norm(value) < 0.5)
    return _LIGHT if dark else _DARK


def _thinned(names: list[str], most: int) -> tuple[npt.NDArray[np.floating[Any]], list[str]]:
    """Return places and names of every k-th line, so that at most so many are written."""
    step = max(1, -(-len(names) // most))
    return np.arange(0, len(names), step) + 0.5, names[::step]


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(values))


def _short(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def _in_words(result: SweepResult) -> str:
    points, (name, unit) = result.points, result.metric
    counts = ", ".join(f"{n} {state}" for state, n in points["state"].value_counts().items())
    words = f"{len(points)} points: {counts}."
    known = points[np.isfinite(points["value"])]
    if len(known):
        for what, at in (("Lowest", known["value"].idxmin()), ("Highest", known["value"].idxmax())):
            value = float(known["value"][at])
            if math.isfinite(value):
                words += f" {what} {name} {engineering(value, unit)} at {known['point'][at]}."
    for row in points[points["state"].isin(list(_HATCH))].head(20).to_dict("records"):
        words += f" {row['state'].capitalize()}: {row['point']}."
    return words
