"""Figures of the example feed: bars by topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.report import style
from aethermodel.report.blocks import Block, note_block
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.bus.instruments import Instruments


def by_topic(instruments: Instruments) -> pd.DataFrame:
    """Return what the bus counted by topic, as text for reading: times with their units."""
    table = instruments.table()
    seconds = table.pop("handler_seconds")
    calls = table["calls"].clip(lower=1)
    table["time in handlers"] = [engineering(s, "s") for s in seconds]
    table["a call"] = [engineering(s, "s") for s in seconds / calls]
    return table


def by_decision(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return what was decided, and by whom, with the number of events."""
    decided = decisions["fell_back"].replace("", "decider")
    by = decided.where(decided == "decider", "rules: " + decided).rename("decided by")
    counted = decisions.groupby(["topic", "answer", by]).size()
    return counted.rename("events").reset_index()


def as_a_whole(instruments: Instruments) -> pd.DataFrame:
    """Return what the bus counted in all, as text; no percentile of too few ticks.

    A share of the ticks is known only where at least one of them may lie beyond it: a P99 takes a
    hundred.
    """
    import pandas as pd

    rows = []
    for name, value in instruments.summary().items():
        words, shown = _figure(name, value)
        share = next((s for k, s in thresholds.FEW_PERCENTILES.items() if f"_{k}_" in name), 0.0)
        needed = round(1 / (1 - share))
        if needed > instruments.tick_ns.count:
            shown = f"too few: {count(instruments.tick_ns.count)} ticks, it takes {count(needed)}"
        rows.append((words, shown))
    return pd.DataFrame(rows, columns=["instrument", "value"])


def _figure(name: str, value: float) -> tuple[str, str]:
    """Name and figure in words: the unit is at the name's end."""
    parts = name.removesuffix("_seconds").split("_")
    words = " ".join(part for part in parts if part not in thresholds.FEW_PERCENTILES)
    words += "".join(f", {part.upper()}" for part in parts if part in thresholds.FEW_PERCENTILES)
    if name == "handler_seconds":
        return "time in handlers", engineering(value, "s")
    if name.endswith("_seconds"):
        return words, engineering(value, "s")
    return words, count(value) if float(value).is_integer() else engineering(value)


def in_flight(escalated: int, events: int, latency_seconds: float, per_second: float) -> Block:
    """Say how many decisions are in flight at once, by Little's law.

    Parameters
    ----------
    escalated, events : int
        Events that were decided, of how many.
    latency_seconds : float
        From escalation to answer.
    per_second : float
        Events a second.
    """
    from aethermodel.model.queueing.escalation import Escalation

    share = escalated / events
    waiting = Escalation(share=share, latency_seconds=latency_seconds).in_flight(per_second)
    text = (
        f"{count(escalated)} of {count(events)} events were escalated ({percentage(share, 2)}). At "
        f"{engineering(per_second, 'events/s')} with answers after "
        f"{engineering(latency_seconds, 's')}, {count(round(waiting))} decisions are in flight on "
        "average."
    )
    return note_block(text)


def bars(table: pd.DataFrame) -> ReportFigure:
    """Draw each topic's bars: lowest to highest as a band, the last value as a line.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.examples.feed_bars.Bars.table` gives it.

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
        figure.supylabel("value of an event, in its topic's own unit", fontsize=9.5)
    caption = (
        f"{int(table['events'].sum()):,} events in {len(table):,} bars, from a seeded generator: "
        "no market's prices. Line: last value of each bar; band: lowest to highest."
    )
    return ReportFigure(figure, table, "The feed, bar by bar", caption)
