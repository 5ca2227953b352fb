"""Page of a cluster: what binds, latency against load, growth, hot topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from aethermodel.report.blocks import Block, Verdict, summary_block
from aethermodel.report.clusters.cluster_words import (
    growth_words,
    hot_topic_words,
    incast_words,
    latency_words,
    simulation_words,
    throughput_words,
)
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figures.cluster import (
    growth_figure,
    hot_topic_figure,
    latency_figure,
    stations_figure,
)
from aethermodel.report.html.page import Section, render
from aethermodel.report.html_table import data_table

if TYPE_CHECKING:
    from aethermodel.clusters.analysis import Analysis
    from aethermodel.model.cluster.cluster import Cluster


def cluster_report(found: Analysis, command: str = "") -> str:
    """Return the page of a cluster.

    Parameters
    ----------
    found : Analysis
    command : str
        That made the page.
    """
    sections = [
        Section("What binds", [stations_figure(found)]),
        Section("Latency", [latency_words(found), latency_figure(found), *incast_words(found)]),
        Section("More consumers", [growth_figure(found)]),
        Section("A hot topic", [hot_topic_words(found), hot_topic_figure(found)]),
        Section("Described", [description(found.cluster)]),
    ]
    made = [f"Made by `{command}`."] if command else []
    sections.append(Section("Source", [SOURCE, *simulation_words(found), *made]))
    name = found.cluster.name
    # Of cluster.toml it would be "Cluster cluster".
    title = "Cluster" if name.lower() == "cluster" else f"Cluster {name}"
    return render(title, [opening(found)], sections)


#: Where the figures come from.
SOURCE = (
    "All figures are worked out from the description: a network of queues with random arrivals, in "
    "which batches wait for stations one after the other. Label: simulated."
)


def opening(found: Analysis) -> Block:
    """Return the block that a page opens with: what is carried, and what binds."""
    overloaded = found.told.events_per_second < 0.97 * found.cluster.offered * (
        found.cluster.producers.batch
    )
    greedy = found.cluster.producers.rate is None
    verdict: Verdict = "pass" if greedy or not overloaded else "fail"
    first, rest = throughput_words(found), f"{latency_words(found)} {growth_words(found)}"
    return summary_block(verdict, first, rest)


def description(cluster: Cluster) -> Block:
    """Return the table of what was described."""
    producers, consumers, switches = cluster.producers, cluster.consumers, cluster.switches
    topics = cluster.topics
    by_key = f"{topics.count:,} topics by key, skew {topics.skew:g}"
    rate = "as fast as they can"
    if producers.rate is not None:
        rate = engineering(producers.rate, "events/s")
    rows = {
        "producers": f"{producers.count:,} on {producers.hosts:,} hosts, {rate} each",
        "batch": f"{producers.batch:,} events, {engineering(producers.batch_bytes, 'B')}",
        "links": engineering(8 * cluster.links.bytes_per_second, "bit/s")
        + f", {engineering(cluster.links.latency, 's')}",
        "switches": "one"
        if switches.ports is None
        else f"{switches.ports} hosts each, oversubscribed {switches.oversubscription:g} times",
        "consumers": f"{consumers.count:,} on {consumers.hosts:,} hosts, "
        f"{engineering(consumers.cost.seconds(producers.batch), 's')} a batch, scatter "
        f"{consumers.cost.scatter:g}",
        "topics": by_key if topics.routing == "key" else "in turn",
        "credits": "no limit" if cluster.credits is None else f"{cluster.credits:,} a producer",
    }
    if consumers.slow:
        rows["slow consumers"] = f"{consumers.slow:,}, {consumers.slowness:g} times as slow"
    frame = pd.DataFrame({"what": list(rows), "as described": list(rows.values())})
    return data_table(frame, "The cluster as described")
