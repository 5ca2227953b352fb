"""Prediction of a cluster: throughput, what binds, latency, and what it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.credits.credit_waits import credit_waits
from aethermodel.model.cluster.credits.greedy import greedy_latency
from aethermodel.model.cluster.credits.mean_value_analysis import Window, window
from aethermodel.model.cluster.credits.untold import LIMIT, STEP_LOAD, throughput_told
from aethermodel.model.cluster.flow import Bottleneck, bottleneck, delivered, endless, max_flow
from aethermodel.model.cluster.latency import Latency
from aethermodel.model.cluster.stations import WIRES, Stage, stages_of, wire_seconds
from aethermodel.model.cluster.waits import Services, Waits, open_waits

#: Load of a station above which its wait is not told: there it turns on the last per cent of every
#: figure, and takes longer to settle than anybody watches.
MOST_LOAD = 0.995
#: Share of what is offered that may be missing from what is carried, as nothing.
MET = 1e-3
#: Share within which what credits let through is known.
NEAR = 0.03
#: Load, and share of batches that wait for a credit, from which on both waits are one.
MOST_HELD_LOAD, MOST_HELD = 0.75, 0.05
#: Share of batches that wait for one of several credits from which on their trips are alike where a
#: station is busy more than `STEP_LOAD`.
MOST_ALIKE = 0.1
#: Part of the mean latency by which a trip that is longer by `NEAR` may lengthen waits for credits.
MOST_SHIFT = 0.05


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
    grows : bool
        Whether P99 has no limit, as the latency of more than one batch in a hundred grows for as
        long as the load lasts.
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
    grows: bool = False

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
    latency: Latency | None
    if cluster.credits is None:
        rate = delivered(stages, cluster.offered)
        why = _overload(cluster, stages)
        latency = None if why else _open(cluster, stages)
        mean = latency.mean if latency else float("inf")
        grows = endless(stages, cluster.offered) > LIMIT
        return Prediction(*common, rate, spread, latency, why, mean, grows=grows)
    in_turn = cluster.topics.routing == "round-robin"
    trip = wire_seconds(stages) + 2 * cluster.links.latency
    trip += sum(float(np.sum(part.stage.demand)) for part in _work(stages))
    each = cluster.offered / cluster.producers.count
    full = window(stages, cluster.credits, trip, in_turn=in_turn, offered=each)
    most = full.asymptote
    scatters = any(stage.scatter for stage in stages)
    if full.batches_per_second <= cluster.offered * (1 - MET) and scatters:
        # Whose batches wait without end sends whenever a credit comes, at no random times. Where
        # nothing scatters, producers stay out of step as they were when they began to wait.
        full = window(stages, cluster.credits, trip, in_turn=in_turn)
    # Producers behind a full trunk send what it lets through, the others no more than is offered.
    rate, why = min(full.batches_per_second, most), ""
    sure, grows = throughput_told(full, in_turn=in_turn), False
    if rate > cluster.offered * (1 - MET):
        latency, why = _with_credits(cluster, stages, full)
        mean = latency.mean if latency else float("nan")
    elif cluster.producers.rate is not None:
        latency, why, mean = None, "producers wait for credits without end", float("inf")
        # Where batches may fall into step, only their asymptote is sure.
        grows = (rate if sure else full.asymptote) < cluster.offered * (1 - NEAR)
        if not grows:
            why, mean = "about as much is offered as credits let through", float("nan")
    else:
        latency, mean, why = greedy_latency(cluster, stages, full)
    return Prediction(*common, rate, spread, latency, why, mean, full, sure, grows)


def _overload(cluster: Cluster, stages: list[Stage]) -> str:
    """Why the latency of what is offered is not told; empty where every station keeps up."""
    load = cluster.offered / bottleneck(stages).batches_per_second
    if load >= 1:
        return "queues grow without end"
    if load > MOST_LOAD:
        return f"a station is busy more than {100 * MOST_LOAD:g} % of the time"
    return ""


def _open(cluster: Cluster, stages: list[Stage], before: tuple[Waits, ...] = ()) -> Latency:
    """Latency where nothing holds producers back but `before`."""
    in_turn = cluster.topics.routing == "round-robin"
    producers = cluster.producers.count
    waits = open_waits(stages, cluster.offered, producers, in_turn=in_turn, before=before)
    if cluster.credits == 1:  # none of a producer's own is in the way
        others = 1 - 1 / producers
        waits = [replace(part, share=np.minimum(part.share, others)) for part in waits]
    wires = wire_seconds(stages) + cluster.links.latency
    return Latency(wires, (*before, *waits, *_work(stages)))


def _with_credits(
    cluster: Cluster, stages: list[Stage], full: Window
) -> tuple[Latency | None, str]:
    """Latency where producers wait for credits now and then, or why it is not told."""
    if why := _overload(cluster, stages):
        return None, why
    credits = cluster.credits
    assert credits is not None
    producers = cluster.producers.count
    # What waits a batch meets that knows of no other of its own: mean value analysis.
    wires = wire_seconds(stages) + 2 * cluster.links.latency
    trip_time = Latency(wires, (*full.waits, *_work(stages)))
    trip = trip_time.mean
    each = cluster.offered / producers
    variation = trip_time.variance / trip**2

    def waits(seconds: float) -> Waits:
        every = np.full(producers, seconds)
        stage = Stage(
            "credits", "producers", np.arange(producers), stages[0].ends, every, stages[0].ends
        )
        return credit_waits(stage, each, credits, variation)

    # A single batch in flight waits for no other: its trip is known.
    longer = trip * (1 + NEAR) if full.population > 1 else trip
    if each * longer >= credits:
        return None, "producers run out of credits now and then"
    held = waits(trip)
    shift = float(waits(longer).mean[0] - held.mean[0])
    if shift > MOST_SHIFT * (_open(cluster, stages).mean + float(held.mean[0])):
        return None, "producers run out of credits now and then"
    busy = bottleneck(stages)
    load = cluster.offered / busy.batches_per_second
    short = float(held.share[0] * held.load[0])
    # Trips that overlap wait in the same queue, and are alike: those of several credits do.
    often = short > MOST_HELD and load > MOST_HELD_LOAD
    often = often or (credits > 1 and short > MOST_ALIKE and load > STEP_LOAD)
    if producers > 2 and often:
        return None, "producers run out of credits while a station is busy"
    # Who waits for a credit is overtaken by those that share its link: P99 is of the overtaken.
    link = next(stage for stage in stages if stage.name == "uplink")
    shared_load = cluster.offered * float(link.demand[link.members > 1].max(initial=0.0))
    if short > LIMIT and shared_load > MOST_HELD_LOAD:
        return None, "producers run out of credits while they share a busy link"
    return _open(cluster, stages, (held,)), ""


def _work(stages: list[Stage]) -> tuple[Services, ...]:
    """Times of the stages that work on a batch, which no wire does."""
    return tuple(Services(stage) for stage in stages if stage.name not in WIRES)
