"""Pareto front of throughput and P99."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.report import style
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.report.sweep.point_tables import SweepResult


def front(rate: npt.ArrayLike, delay: npt.ArrayLike) -> list[bool]:
    """Say of each point whether no other is at least as good in both and better in one.

    Parameters
    ----------
    rate, delay : array_like
        More of the first and less of the second is better.
    """
    rates, delays = np.asarray(rate, dtype=float), np.asarray(delay, dtype=float)
    return [
        not np.any((rates >= r) & (delays <= d) & ((rates > r) | (delays < d)))
        for r, d in zip(rates, delays, strict=True)
    ]


def _name(axes: Axes, row: pd.Series[Any], up: int) -> None:
    """Write which point it is, to the side on which the drawing has room."""
    place = row["p99_seconds"], row["value"]
    inside, _ = axes.transAxes.inverted().transform(axes.transData.transform(place))
    side = "left" if inside < 0.5 else "right"
    axes.annotate(
        style.literal(row["point"]),
        place,
        xytext=(8 if side == "left" else -8, up),
        textcoords="offset points",
        horizontalalignment=side,
        fontsize=8,
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )


def pareto(result: SweepResult) -> ReportFigure | None:
    """Draw throughput against P99; None where the points lack either."""
    points = result.points
    both = points[np.isfinite(points["value"]) & np.isfinite(points["p99_seconds"])]
    if both.empty or not result.higher_is_better:
        return None
    columns = ["point", "label", "value", "p99_seconds"]
    both = both[columns].assign(on_front=front(both["value"], both["p99_seconds"]))
    best = both[both["on_front"]].sort_values("p99_seconds")
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.loglog(
            both["p99_seconds"], both["value"], "o", color=style.QUIET, label="beaten in both"
        )
        axes.loglog(
            best["p99_seconds"], best["value"], "s-", color=style.MODEL, label="Pareto front"
        )
        style.log_ticks(axes.xaxis, "s")
        style.log_ticks(axes.yaxis, "1/s")
        axes.margins(0.08)
        for row, up in ((best.iloc[0], -12), (best.iloc[-1], 8))[: len(best)]:
            _name(axes, row, up)
        axes.set_xlabel("P99")
        axes.set_ylabel("throughput (messages a second)")
        axes.legend(loc="lower right")
        style.settle(figure)
    kind = (
        "P99 is over the samples of a point, each the mean time of many batches: it shows how "
        "steady a batch is, not the latency of single messages (`aethermodel bench latency` does), "
        "and with fewer than 100 samples it is close to their highest"
        if result.sweep.probe
        else "P99 is what the notebook recorded"
    )
    first, last = best.iloc[0], best.iloc[-1]
    return ReportFigure(
        figure,
        both,
        f"Throughput against P99 ({result.labels})",
        f"Label: {result.labels}. Up and left is better; squares are points that no other beats in "
        f"both. {kind}. {HERE}",
        alt=f"{len(best)} of {len(both)} points are on the front, from "
        f"{engineering(first['value'], 'msg/s')} at P99 {engineering(first['p99_seconds'], 's')} "
        f"({first['point']}) to {engineering(last['value'], 'msg/s')} at P99 "
        f"{engineering(last['p99_seconds'], 's')} ({last['point']}).",
        view=both.rename(columns={"value": "throughput"}),
        units={"throughput": "msg/s"},
    )
