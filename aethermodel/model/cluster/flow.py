"""Flows of a cluster: the rate at which it saturates, what is delivered, and the max-flow bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.stations import SIDES, Stage

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bottleneck:
    """The station that saturates first.

    Attributes
    ----------
    stage : Stage
    station : int
    batches_per_second : float
        Of the whole cluster, when that station is always busy.
    """

    stage: Stage
    station: int
    batches_per_second: float


def bottleneck(stages: list[Stage]) -> Bottleneck:
    """Return the station with the largest demand: no more batches pass than one over it.

    Notes
    -----
    Denning and Buzen, "The operational analysis of queueing network models", ACM Computing Surveys
    10 (1978), doi 10.1145/356733.356735.
    """
    largest = max(stages, key=lambda stage: float(stage.demand.max()))
    at = int(np.argmax(largest.demand))
    return Bottleneck(largest, at, 1 / float(largest.demand[at]))


def delivered(stages: list[Stage], batches_per_second: float) -> float:
    """Batches a second that come out where nothing holds producers back.

    Each station passes at most one batch each service time, and of those that wait each flow as
    much as it brought (first come, first served). Queues before a full station grow without end.
    """
    return _passed(stages, batches_per_second)[0]


def endless(stages: list[Stage], batches_per_second: float) -> float:
    """Share of what comes out that came through a queue which grows without end."""
    return _passed(stages, batches_per_second)[1]


def _passed(stages: list[Stage], rate: float) -> tuple[float, float]:
    """Batches a second that come out, and the share of them that met an overloaded station."""
    spared = 1.0
    for side in SIDES:
        own = [stage for stage in stages if stage.side == side]
        passing = np.ones(own[0].ends.size)
        held = np.zeros(passing.size, dtype=bool)
        for stage in own:
            flow = np.bincount(stage.station, stage.ends * passing, stage.seconds.size)
            load = (rate * flow * stage.seconds)[stage.station]
            held |= load >= 1
            passing = passing / np.maximum(load, 1.0)
        out = own[0].ends * passing
        spared *= float(out[~held].sum() / out.sum())
        rate *= float(out.sum())
    return rate, 1 - spared


def max_flow(cluster: Cluster, stages: list[Stage]) -> float:
    """Batches a second if topics could be spread at will: the max-flow bound.

    The network is a tree to the spine and a tree from it, so that the largest flow (Ford and
    Fulkerson 1956, doi 10.4153/CJM-1956-045-5) follows from sums: what a station passes on is the
    least of its own rate and of what those behind it send or take.
    """
    limits = []
    for side in SIDES:
        own = [stage for stage in stages if stage.side == side]
        inner = own if side == "producers" else own[::-1]
        ends = own[0].ends.size
        flow, behind = np.full(ends, np.inf), np.arange(ends)
        if side == "producers" and cluster.producers.rate is not None:
            flow = np.full(ends, cluster.offered / ends)
        for stage in inner:
            # Stations nest: all that is behind one station meets the same next one.
            onward = np.zeros(flow.size, dtype=np.int64)
            onward[behind] = stage.station
            together = np.bincount(onward, flow, stage.seconds.size)
            flow, behind = np.minimum(together, 1 / stage.seconds), stage.station
        limits.append(float(flow.sum()))
    return min(limits)
