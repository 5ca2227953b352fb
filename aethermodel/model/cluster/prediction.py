"""Prediction of a cluster: throughput, what binds, latency, and what it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.flow import Bottleneck, bottleneck, delivered, max_flow
from aethermodel.model.cluster.latency import Latency
from aethermodel.model.cluster.stations import Stage, stages_of, wire_seconds
from aethermodel.model.cluster.waits import Services, open_waits
from aethermodel.model.cluster.window import Window, window

#: Load of a station above which its wait is not told: there it turns on the last per cent of every
#: figure, and takes longer to settle than anybody watches.
MOST_LOAD = 0.95
#: The same where producers are as fast as their credits let them, and so slow down as queues grow.
MOST_GREEDY_LOAD = 0.6
#: Share of the batches that may find their producer out of credits while that is neglected.
MOST_HELD = 0.005
#: Share by which a throughput with credits may lie below its asymptote and be told all the same
#: where batches can fall into step.
MOST_GAP = 0.06
#: Batches in flight, of all producers, from which on they do not fall into step by themselves.
FEW_BATCHES = 16


@dataclass(frozen=True)
class Prediction:
    """What the model says of a cluster.

    Attributes
    ----------
    cluster : Cluster
    stages : list of Stage
    bottleneck : Bottleneck
    batches_per_second : float
        Handled, of all producers.
    spread : float
        Batches a second if topics could be spread at will: the max-flow bound.
    latency : Latency or None
        None where it is not told.
    untold : str
        Why not; empty where it is.
    mean_seconds : float
        Mean latency; where credits are the limit by Little's law. Infinite where queues grow.
    window : Window or None
        Of credits.
    throughput_told : bool
        Whether the throughput is told within some per cent.
    """

    cluster: Cluster
    stages: list[Stage]
    bottleneck: Bottleneck
    batches_per_second: float
    spread: float
    latency: Latency | None
    untold: str = ""
    mean_seconds: float = float("inf")
    window: Window | None = None
    throughput_told: bool = True

    @property
    def events_per_second(self) -> float:
        """Events handled a second."""
        return self.batches_per_second * self.cluster.producers.batch

    def loads(self, stage: Stage) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Share of the time that each station of a stage is busy."""
        return np.asarray(np.minimum(self.batches_per_second * stage.demand, 1.0))


def predict(cluster: Cluster) -> Prediction:
    """Predict a cluster.

    Notes
    -----
    Without credits each station is fed whatever happens; latencies are sums of waits that are
    taken to be independent. With credits the network is closed (`window`) where producers are as
    fast as they can, and open where they seldom run out.
    """
    stages = stages_of(cluster)
    common = (cluster, stages, bottleneck(stages))
    spread = max_flow(cluster, stages)
    if cluster.credits is None:
        rate = delivered(stages, cluster.offered)
        latency, why = _open(cluster, stages)
        mean = latency.mean if latency else float("inf")
        return Prediction(*common, rate, spread, latency, why, mean)
    in_turn = cluster.topics.routing == "round-robin"
    wires, handled = _wires(cluster, stages), _services(stages, "consumer")
    made = _services(stages, "producer")
    trip = wires + cluster.links.latency
    trip += sum(float(np.sum(part.stage.demand)) for part in (*handled, *made))
    full = window(stages, cluster.credits, trip, in_turn=in_turn)
    rate = min(cluster.offered, full.batches_per_second)
    sure = _sure(full, cluster.offered, in_turn=in_turn)
    if cluster.offered < full.batches_per_second:
        latency, why = _with_credits(cluster, stages)
        mean = latency.mean if latency else float("nan")
    else:
        times = [waits for waits in full.waits if waits.stage.name != "producer"]
        latency, why = Latency(wires, (*times, *handled)), _greedy(full)
        # What is not on its way back, or being made, is on its way.
        away = sum(
            float(np.sum(t.stage.share * (t.mean + t.stage.seconds)))
            for t in full.waits
            if t.stage.name == "producer"
        )
        mean = full.population / rate - cluster.links.latency - away
        if cluster.producers.rate is not None:
            latency, why, mean = None, "producers wait for credits without end", float("inf")
    told = None if why else latency
    return Prediction(*common, rate, spread, told, why, mean, full, sure)


def _open(cluster: Cluster, stages: list[Stage]) -> tuple[Latency | None, str]:
    """Latency where nothing holds producers back, or why it is not told."""
    load = cluster.offered / bottleneck(stages).batches_per_second
    if load >= 1:
        return None, "queues grow without end"
    if load > MOST_LOAD:
        return None, f"a station is busy more than {100 * MOST_LOAD:.0f} % of the time"
    in_turn = cluster.topics.routing == "round-robin"
    waits = open_waits(stages, cluster.offered, cluster.producers.count, in_turn=in_turn)
    served = (*_services(stages, "producer"), *_services(stages, "consumer"))
    return Latency(_wires(cluster, stages), (*waits, *served)), ""


def _with_credits(cluster: Cluster, stages: list[Stage]) -> tuple[Latency | None, str]:
    """Latency where producers seldom run out of credits, or why it is not told."""
    from scipy.special import pdtrc

    latency, why = _open(cluster, stages)
    if latency is None:
        return None, why
    flight = cluster.offered / cluster.producers.count * (latency.mean + cluster.links.latency)
    assert cluster.credits is not None
    if pdtrc(cluster.credits - 1, flight) > MOST_HELD:
        return None, "producers run out of credits now and then"
    return latency, ""


def _sure(full: Window, offered: float, *, in_turn: bool) -> bool:
    """Whether the throughput is told: few batches, or turns, may fall into step."""
    if offered < full.batches_per_second * MOST_LOAD:
        return True
    unsure = full.asymptote / full.batches_per_second - 1 > MOST_GAP
    return not (unsure and (in_turn or full.population < FEW_BATCHES))


def _greedy(full: Window) -> str:
    """Why the latency of producers as fast as they can is not told; empty where it is."""
    if full.population < FEW_BATCHES:
        return "few batches are in flight"
    if max(float(waits.load.max()) for waits in full.waits) > MOST_GREEDY_LOAD:
        return "credits fill the queue of a busy station"
    return ""


def _wires(cluster: Cluster, stages: list[Stage]) -> float:
    return wire_seconds(stages) + cluster.links.latency


def _services(stages: list[Stage], name: str) -> tuple[Services, ...]:
    return tuple(Services(stage) for stage in stages if stage.name == name)
