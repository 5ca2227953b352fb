"""The points of a sweep as a map: what was measured, and where nothing was."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.report import style
from aethermodel.report.comparison import HERE
from aethermodel.report.figure import ReportFigure
from aethermodel.report.quantities import engineering

if TYPE_CHECKING:
    from aethermodel.report.sweep_result import SweepResult

_MOST_CELLS_WITH_TEXT = 120
# Letters say it without colour.
_MARKS = {"failed": "failed", "timeout": "timeout", "missing": "missing"}
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
            _write_cell(axes, Rectangle, x, y, row, unit, len(points))
        mesh = axes.pcolormesh(np.ma.masked_invalid(grid), cmap="cividis", norm=norm, alpha=0.75)
        if norm:
            figure.colorbar(mesh, ax=axes, label=f"{name} ({unit})" if unit else name)
        axes.set_xticks(np.arange(len(columns)) + 0.5, [_short(c) for c in columns], rotation=45)
        names = [", ".join(f"{a}={v}" for a, v in zip(down, line, strict=True)) for line in lines]
        axes.set_yticks(np.arange(len(lines)) + 0.5, names)
        axes.set_xlabel(across[0] if across else "the one point")
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(lines), 0)
        axes.grid(visible=False)
        style.settle(figure)
    shown = points.drop(columns="repeats")
    partly = int((points["state"] == "partly").sum())
    return ReportFigure(
        figure,
        shown,
        f"{name} of every point ({result.labels})",
        f"Label: {result.labels}. One cell a point: the median over repeats, colour on a "
        "logarithmic scale. Hatched cells have no figure and say why: failed, timeout, or missing "
        f"(not run yet); a star marks {partly} points of which only some repeats are done. {HERE}",
        alt=_in_words(result),
    )


def _write_cell(
    axes: Any, rectangle: Any, x: int, y: int, row: dict[str, Any], unit: str, cells: int
) -> None:
    state = row["state"]
    if state in _MARKS:
        axes.add_patch(
            rectangle(
                (x, y), 1, 1, facecolor="none", edgecolor=style.QUIET, hatch=_HATCH[state], zorder=3
            )
        )
    text = _MARKS.get(state) or engineering(row["value"], unit, 2) + "*" * (state == "partly")
    if cells <= _MOST_CELLS_WITH_TEXT:
        box = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.0}
        axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7, bbox=box, zorder=4)


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
    for row in points[points["state"].isin(list(_MARKS))].head(20).to_dict("records"):
        words += f" {row['state'].capitalize()}: {row['point']}."
    return words
