"""Figures of a cluster: how busy its stations are, latency against load, growth, a hot topic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aethermodel.clusters.analysis import NAMES
from aethermodel.model.cluster.growth import capacity, hot_topic
from aethermodel.report import style
from aethermodel.report.clusters.cluster_words import growth_words, throughput_words
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.readable_table import SHARE
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.clusters.analysis import Analysis

_SKEWS = np.round(np.arange(0, 1.61, 0.2), 1)
_LABEL = "Label: simulated; nothing was measured on these hosts."


def stations_figure(found: Analysis) -> ReportFigure:
    """Draw how busy links and nodes are, stage by stage."""
    table = found.stations()
    at = np.arange(len(table))[::-1]
    with style.styled():
        figure = style.new_figure(height=1.2 + 0.45 * len(table))
        axes = figure.subplots()
        colours = [style.MEASURED if binds else style.MODEL for binds in table["binds"]]
        axes.barh(at, table["most"], height=0.6, color=colours, alpha=0.35)
        axes.barh(at, table["mean"], height=0.3, color=colours)
        axes.set_yticks(at, [f"{row.what} ({row.count:,})" for row in table.itertuples()])
        axes.set(xlim=(0, 1), xlabel="share of the time busy: busiest (wide), mean (narrow)")
        axes.grid(visible=False, axis="y")
        style.settle(figure)
    words = "; ".join(
        f"{row.what}: {percentage(row.mean, 0)}, busiest {percentage(row.most, 0)}"
        for row in table.itertuples()
    )
    return ReportFigure(
        figure, table, "How busy links and nodes are",
        f"{throughput_words(found)} The other colour marks what binds. {_LABEL}", alt=f"{words}.",
        units={"mean": SHARE, "most": SHARE},
    )  # fmt: skip


def latency_figure(found: Analysis) -> ReportFigure:
    """Draw P50 and P99 against load, as far as they are told."""
    table = found.curve()
    known = table[table["untold"] == ""]
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        for (name, marker), title in zip((("p50", "o"), ("p99", "s")), ("P50", "P99"), strict=True):
            axes.plot(
                known["load"], known[name], marker=marker, label=title, markerfacecolor=style.PAPER
            )
        seen = found.simulated
        if seen is not None and seen.latencies.size:
            load = found.told.events_per_second / found.capacity
            line: dict[str, Any] = {"color": style.INK, "linestyle": "none", "markersize": 8}
            axes.plot([load] * 2, [seen.quantile(0.5), seen.quantile(0.99)], marker="x",
                      label="simulation", **line)  # fmt: skip
        axes.set(xlabel="load, as a share of what the cluster carries at most", ylabel="latency")
        axes.set(xlim=(0, 1), yscale="log")
        if len(known):
            style.log_ticks(axes.yaxis, "s")
        axes.legend(loc="upper left")
        style.settle(figure)
    left = len(table) - len(known)
    untold = (
        f" Not told at {left} of {len(table)} loads: {table['untold'].iloc[-1]}." if left else ""
    )
    return ReportFigure(
        figure, table, "Latency against load",
        "From a batch's commit to the end of its handling; the time to fill a batch comes on top."
        f"{untold} {_LABEL}", units={"load": SHARE, "p50": "s", "p99": "s"},
    )  # fmt: skip


def growth_figure(found: Analysis) -> ReportFigure:
    """Draw what more consumers carry, and where that stops paying."""
    table = pd.DataFrame([vars(step) for step in found.steps])
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        first = found.steps[0]
        ideal = first.events_per_second * table["consumers"] / first.consumers
        axes.plot(
            table["consumers"], ideal, ":", color=style.INK, linewidth=1, label="in proportion"
        )
        for number, (binds, rows) in enumerate(table.groupby("binds", sort=False)):
            axes.plot(
                rows["consumers"], rows["events_per_second"], linestyle="none",
                marker=style.MARKERS[number % len(style.MARKERS)], markerfacecolor=style.PAPER,
                label=f"binds: {NAMES.get(str(binds), str(binds))}",
            )  # fmt: skip
        axes.plot(table["consumers"], table["events_per_second"], color=style.QUIET, linewidth=0.8)
        axes.axvline(found.enough.consumers, color=style.MEASURED, linewidth=1)
        axes.annotate(
            f"{found.enough.consumers:,}: enough", (found.enough.consumers, 0.03),
            xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
            fontsize=8, color=style.MEASURED,
        )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="consumers", ylabel="events a second at most")
        axes.set_ylim(top=2 * table["events_per_second"].max())
        style.log_ticks(axes.yaxis, "1/s")
        style.log_ticks(axes.xaxis)
        axes.legend(loc="upper left")
        style.settle(figure)
    return ReportFigure(
        figure, table, "Where more consumers stop paying",
        f"{growth_words(found)} Producers, links and topics stay as they are. {_LABEL}",
    )  # fmt: skip


def hot_topic_figure(found: Analysis) -> ReportFigure:
    """Draw what the cluster carries against the skew of its topics, by key."""
    cluster = found.cluster
    by_key = replace(cluster.topics, routing="key")
    if by_key.count < cluster.consumers.count:
        by_key = replace(by_key, count=4 * cluster.consumers.count)
    rows = []
    for skew in _SKEWS:
        skewed = replace(cluster, topics=replace(by_key, skew=float(skew)))
        hot = hot_topic(skewed)
        rows.append(
            {
                "skew": float(skew),
                "busiest_share": hot.share,
                "events_per_second": capacity(skewed) * cluster.producers.batch,
                "lost": hot.lost,
            }
        )
    table = pd.DataFrame(rows)
    even = rows[0]["events_per_second"] / max(1 - rows[0]["lost"], 1e-9)
    with style.styled():
        figure = style.new_figure(height=3.8)
        axes = figure.subplots()
        axes.axhline(even, linestyle=":", color=style.INK, linewidth=1, label="in turn")
        named = f"by key, {by_key.count:,} topics"
        line: dict[str, Any] = {"marker": "o", "markerfacecolor": style.PAPER}
        axes.plot(table["skew"], table["events_per_second"], label=named, **line)
        if cluster.topics.routing == "key":
            axes.axvline(
                cluster.topics.skew, color=style.MEASURED, linewidth=1, label="as described"
            )
        axes.set(xlabel="skew of the topics (Zipf)", ylabel="events a second at most")
        axes.set_ylim(0, 1.1 * even)
        from matplotlib.ticker import FuncFormatter

        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda y, _: engineering(y, "1/s", 2) if y else "0")
        )
        axes.legend(loc="lower left")
        style.settle(figure)
    worst = rows[-1]
    return ReportFigure(
        figure, table, "What a hot topic costs",
        f"With a skew of {worst['skew']:g} the busiest of {cluster.consumers.count:,} consumers "
        f"gets {percentage(worst['busiest_share'], 0)} of all batches, and the cluster carries "
        f"{percentage(1 - worst['lost'], 0)} of what it would in turn. {_LABEL}",
        units={"lost": SHARE},
    )  # fmt: skip
