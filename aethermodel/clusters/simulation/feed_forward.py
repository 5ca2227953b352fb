"""Simulation without credits: every queue in turn, over all batches at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aethermodel.clusters.simulation.progress import Progress, ignored
from aethermodel.clusters.simulation.traffic import (
    Layout,
    destinations,
    durations,
    lay_out,
)
from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def arrivals(cluster: Cluster, seconds: float, rng: np.random.Generator) -> tuple[Floats, Integers]:
    """Draw when batches are ready within a time, and whose they are."""
    assert cluster.producers.rate is not None
    mean = cluster.producers.rate / cluster.producers.batch * seconds
    counts = rng.poisson(mean, cluster.producers.count)
    ready = rng.random(int(counts.sum())) * seconds
    producer = np.repeat(np.arange(cluster.producers.count), counts)
    order = np.argsort(ready)
    return ready[order], producer[order]


def run(
    cluster: Cluster,
    seconds: float,
    rng: np.random.Generator,
    progress: Progress = ignored,
) -> tuple[Floats, Floats]:
    """Send the traffic of a time through all queues.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
    rng : numpy.random.Generator
    progress : callable
        Called with (queues done, queues on the way).

    Returns
    -------
    ready, handled : ndarray, shape (batches,)
        When each batch was committed, and when its handling ended.

    Notes
    -----
    Queues do not feed back, so that each is Lindley's recursion (1952, doi
    10.1017/S0305004100027638) over its batches in the order in which they come.
    """
    layout: Layout = lay_out(cluster)
    ready, producer = arrivals(cluster, seconds, rng)
    consumer = destinations(cluster, producer, rng)
    at = ready
    if layout.making.seconds.any():
        each = layout.making.instance[producer]
        spent = durations(layout.making, each, rng)
        at = start_times(at, each, spent) + spent
    first = last = at
    for done, hop in enumerate(layout.wires, 1):
        progress(done, len(layout.wires) + 2)
        each = hop.instance[producer if hop.by_producer else consumer]
        spent = hop.seconds[each]
        first = start_times(first, each, spent)
        # The last packet leaves no earlier than it came.
        last = np.maximum(first + spent, last)
    progress(len(layout.wires) + 1, len(layout.wires) + 2)
    each = layout.handling.instance[consumer]
    spent = durations(layout.handling, each, rng)
    begun = start_times(last + cluster.links.latency, each, spent)
    return ready, begun + spent


def start_times(arrival: Floats, station: Integers, spent: Floats) -> Floats:
    """When each batch's service begins, first come first served at each station.

    Parameters
    ----------
    arrival : ndarray, shape (batches,)
        In seconds, in any order.
    station : ndarray of int, shape (batches,)
    spent : ndarray, shape (batches,)
        Service times.
    """
    if not arrival.size:
        return arrival
    order = np.lexsort((arrival, station))
    at, where, service = arrival[order], station[order], spent[order]
    before = np.cumsum(service) - service
    new = np.flatnonzero(np.diff(where, prepend=-1))
    group = np.cumsum(np.diff(where, prepend=where[0]) != 0)
    before -= before[new][group]
    # start = before + max over the batches so far of (arrival - before); stations set far apart
    # share one running maximum.
    slack = at - before
    apart = group * (slack.max() - slack.min() + 1.0)
    begun = np.maximum.accumulate(slack + apart) - apart + before
    found = np.empty_like(begun)
    found[order] = begun
    return np.asarray(found)
