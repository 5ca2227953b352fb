"""Bar chart of a contest, fastest on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.report import style
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE

if TYPE_CHECKING:
    import pandas as pd

_COLOURS = {"ours": style.MODEL, "peer": style.MEASURED, "ceiling": style.QUIET}


def rates(table: pd.DataFrame, title: str, label: str) -> ReportFigure:
    """Draw events a second by row.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.bench.contest.Result.table`.
    title : str
        Of the figure.
    label : str
        Provenance label of the fabric.
    """
    with style.styled():
        figure = style.new_figure(height=0.6 + 0.3 * len(table))
        axes = figure.subplots()
        rate = table["events_per_second"]
        spread = [rate - table["events"] / table["high"], table["events"] / table["low"] - rate]
        colours = [_COLOURS[group] for group in table["group"]]
        bars = axes.barh(
            table["row"], rate, xerr=spread, color=colours, error_kw={"ecolor": style.INK}
        )
        axes.bar_label(bars, [engineering(value, "/s") for value in rate], padding=6)
        every = "all_per_second" in table
        if every:
            axes.plot(table["all_per_second"], table["row"], "x", color=style.INK)
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.invert_yaxis()
        axes.set_xlabel("events a second")
        axes.margins(x=0.25)
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        f"{title} ({label})",
        f"Label: {label}. Blue is ours, orange a peer, grey a ceiling of the same run; bars are "
        "medians of processes, whiskers their slowest and fastest"
        + "; crosses are the rate over all samples" * every
        + f". {HERE}",
        units={"low": "s", "high": "s"},
    )
