"""Figures of the example feed: bars by topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.report import style
from aethermodel.report.figure import ReportFigure

if TYPE_CHECKING:
    import pandas as pd


def bars(table: pd.DataFrame) -> ReportFigure:
    """Draw each topic's bars: lowest to highest as a band, the last value as a line.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.bus.bars.Bars.table` gives it.

    Returns
    -------
    ReportFigure

    Raises
    ------
    ValueError
        If the table holds no bar.
    """
    topics = list(dict.fromkeys(table["topic"]))
    if not topics:
        raise ValueError("there are no bars to draw")
    with style.styled():
        figure = style.new_figure(height=1.1 + 1.1 * len(topics))
        axes = figure.subplots(len(topics), 1, sharex=True, squeeze=False)[:, 0]
        for axis, topic in zip(axes, topics, strict=True):
            own = table[table["topic"] == topic]
            axis.fill_between(
                own["seconds"], own["lowest"], own["highest"], color=style.MODEL, alpha=0.25
            )
            axis.plot(own["seconds"], own["last"], color=style.MODEL)
            axis.set_title(topic)
        axes[-1].set_xlabel("time of the feed (s)")
    caption = (
        f"{int(table['events'].sum()):,} events in {len(table):,} bars, from a seeded generator: "
        "no market's prices. Line: last value of each bar; band: lowest to highest."
    )
    return ReportFigure(figure, table, "The feed, bar by bar", caption)
