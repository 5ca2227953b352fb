"""Prediction of a cluster: throughput, what binds, latency, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aethermodel.model.cluster.closed_queues import Queues, closed_queues, full_links
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.credit_waits import credit_waits
from aethermodel.model.cluster.flow import Bottleneck, bottleneck, delivered, endless, max_flow
from aethermodel.model.cluster.latency import Latency
from aethermodel.model.cluster.stations import FULL, Stage, stages_of, wire_seconds
from aethermodel.model.cluster.waits import Services, Waits, open_waits
from aethermodel.model.cluster.window import Window, window

#: Load of a station above which its wait is not told: there it turns on the last per cent of every
#: figure, and takes longer to settle than anybody watches.
MOST_LOAD = 0.995
#: Share of what is offered that may be missing from what is carried, as nothing.
MET = 1e-3
#: Share within which what credits let through is known.
NEAR = 0.03
#: Load, and share of batches that wait for a credit, from which on both waits are one.
MOST_HELD_LOAD, MOST_HELD = 0.75, 0.05
#: Part of the mean latency by which a trip that is longer by `NEAR` may lengthen waits for credits.
MOST_SHIFT = 0.05
#: Load of stations, where producers take turns, from which on they fall into step.
STEP_LOAD = 0.6
#: Scatter of the time to make a batch up to which producers that never idle send steadily.
STEADY = 0.3
#: Credits of a producer from which on full stations without scatter of their own stay full.
MANY_CREDITS = 8
#: Load up to which a station keeps pace with steady senders, and the nearest to a full one.
MOST_PACE, BELOW = 0.9, 0.9999
#: Share of the batches that P99 leaves out.
LIMIT = 0.01
#: Share by which a throughput with credits may lie below its asymptote and be told all the same
#: where batches can fall into step.
MOST_GAP = 0.03
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
    wires, handled = _wires(cluster, stages), _services(stages, "consumer")
    made = _services(stages, "producer")
    trip = wires + cluster.links.latency
    trip += sum(float(np.sum(part.stage.demand)) for part in (*handled, *made))
    each = cluster.offered / cluster.producers.count
    full = window(stages, cluster.credits, trip, in_turn=in_turn, offered=each)
    rate, why = full.batches_per_second, ""
    sure, grows = _sure(full), False
    if rate > cluster.offered * (1 - MET):
        latency, why = _with_credits(cluster, stages, full)
        mean = latency.mean if latency else float("nan")
    elif cluster.producers.rate is not None:
        latency, why, mean = None, "producers wait for credits without end", float("inf")
        grows = rate < cluster.offered * (1 - NEAR)
        if not grows:
            why, mean = "about as much is offered as credits let through", float("nan")
    else:
        times: Sequence[Waits | Queues]
        if _never_idle(full):  # what comes back changes nothing in what they send
            past = [stage for stage in stages if stage.name != "producer"]
            times = open_waits(past, rate, cluster.producers.count, in_turn=in_turn, steady=1)
        elif _links_full(full, in_turn=in_turn):
            times = _past_links(cluster, full, wires, handled, in_turn=in_turn)
        else:
            times = closed_queues(
                full.waits, rate, wires + cluster.links.latency, cluster.credits, in_turn=in_turn
            )
        latency = Latency(wires, (*times, *handled))
        mean = _mean_in_flight(full, cluster.links.latency, latency)
        why = _in_step(full, in_turn=in_turn)
        latency = None if why else latency
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
    waits = open_waits(
        stages, cluster.offered, cluster.producers.count, in_turn=in_turn, before=before
    )
    return Latency(_wires(cluster, stages), (*before, *waits, *_work(stages)))


def _with_credits(
    cluster: Cluster, stages: list[Stage], full: Window
) -> tuple[Latency | None, str]:
    """Latency where producers wait for credits now and then, or why it is not told."""
    if why := _overload(cluster, stages):
        return None, why
    credits = cluster.credits
    assert credits is not None
    producers, back = cluster.producers.count, cluster.links.latency
    empty = Latency(_wires(cluster, stages) + back, _work(stages))
    # What waits a batch meets that knows of no other of its own: mean value analysis.
    met = (float(np.sum(part.stage.share * part.mean)) for part in full.waits)
    trip = empty.mean + sum(met)
    each = cluster.offered / producers
    variation = empty.variance / empty.mean**2

    def waits(seconds: float) -> Waits:
        every = np.full(producers, seconds)
        stage = Stage(
            "credits", "producers", np.arange(producers), stages[0].ends, every, stages[0].ends
        )
        return credit_waits(stage, each, credits, variation)

    longer = trip * (1 + NEAR)
    if each * longer >= credits:
        return None, "producers run out of credits now and then"
    held = waits(trip)
    shift = float(waits(longer).mean[0] - held.mean[0])
    if shift > MOST_SHIFT * (_open(cluster, stages).mean + float(held.mean[0])):
        return None, "producers run out of credits now and then"
    busy = bottleneck(stages)
    load = cluster.offered / busy.batches_per_second
    short = float(held.share[0] * held.load[0])
    if producers > 2 and short > MOST_HELD and load > MOST_HELD_LOAD:
        return None, "producers run out of credits while a station is busy"
    return _open(cluster, stages, (held,)), ""


def _sure(full: Window) -> bool:
    """Whether the throughput is told: few batches may fall into step, and then nobody waits."""
    gap = full.asymptote / full.batches_per_second - 1
    return full.population >= FEW_BATCHES or gap <= MOST_GAP


def _never_idle(full: Window) -> bool:
    """Whether producers make batches all the time, steadily, and nothing else is always busy."""
    making, others = 0.0, 0.0
    for part in full.waits:
        load = full.batches_per_second * part.stage.demand
        if part.stage.name == "producer" and part.stage.scatter <= STEADY:
            making = float(load.min())
        else:
            others = max(others, float(load.max()))
    return making > FULL > others


def _links_full(full: Window, *, in_turn: bool) -> bool:
    """Whether each link of a producer's host is always busy, and what follows can keep pace."""
    steady = False
    for part in full.waits:
        loads = full.batches_per_second * part.stage.demand
        if part.stage.name == "uplink":
            credits = full.population // part.stage.station.size * int(part.stage.members.min())
            steady = float(loads.min()) > FULL and credits >= FEW_BATCHES
        elif part.stage.name != "producer":
            behind = int(part.stage.members.max())
            evenly = behind == part.stage.ends.size or (in_turn and behind == 1)
            most = 1.0 if evenly and not part.stage.scatter else MOST_PACE
            steady = steady and float(loads.max()) <= most + MET
    return steady


def _past_links(
    cluster: Cluster, full: Window, wires: float, handled: tuple[Services, ...], *, in_turn: bool
) -> tuple[Waits | Queues, ...]:
    """Waits where links of producers' hosts are full, and send at a steady pace."""
    link = next(part for part in full.waits if part.stage.name == "uplink")
    making = [part for part in full.waits if part.stage.name == "producer"]
    after = [part.stage for part in full.waits if part.stage.name not in ("producer", "uplink")]
    rate = min(full.batches_per_second, *(BELOW / float(stage.demand.max()) for stage in after))
    together = cluster.producers.per_host
    times = open_waits(after, rate, cluster.producers.count, in_turn=in_turn, steady=together)
    elsewhere = Latency(wires, (*times, *handled))
    away = elsewhere.mean + cluster.links.latency
    # Credits come back at a steady pace: they hardly wait to be spent.
    away += sum(float(np.sum(part.stage.demand)) for part in making)
    gone = full.batches_per_second * away / link.stage.seconds.size
    credits = full.population // cluster.producers.count
    return (full_links(link, credits, gone, elsewhere.variance), *times)


def _mean_in_flight(full: Window, back: float, latency: Latency) -> float:
    """Mean latency by Little's law: what is not on its way back, or being made, is on its way."""
    making = [part for part in full.waits if part.stage.name == "producer"]
    if any(full.batches_per_second * part.stage.demand.max() > FULL for part in making):
        return latency.mean  # how many batches wait to be made, their mean alone does not tell
    away = sum(
        float(np.sum(part.stage.share * (part.mean + part.stage.seconds))) for part in making
    )
    return full.population / full.batches_per_second - back - away


def _in_step(full: Window, *, in_turn: bool) -> str:
    """Why the latency of producers as fast as they can is not told; empty where it is."""
    if _never_idle(full) or _links_full(full, in_turn=in_turn):
        return ""
    if full.population < FEW_BATCHES * (2 if in_turn else 1):
        return "few batches are in flight"
    if not in_turn:
        return ""
    shared = [part.stage for part in full.waits if part.stage.name != "producer"]
    busy = [full.batches_per_second * stage.demand for stage in shared]
    if max(float(loads.max()) for loads in busy) <= STEP_LOAD:
        return ""
    stations = sum(int(np.sum(loads > FULL)) for loads in busy)
    producers = full.waits[0].stage.ends.size
    own = any(s.scatter for s, loads in zip(shared, busy, strict=True) if loads.max() > FULL)
    many = full.population >= MANY_CREDITS * producers and not own
    calm = stations == 1 or many or not any(stage.scatter for stage in shared)
    # Fewer producers than full stations leave one of them idle now and then.
    if stations == 1 or (stations and calm and producers >= 2 * stations):
        return ""
    return "producers that take turns fall into step"


def _wires(cluster: Cluster, stages: list[Stage]) -> float:
    return wire_seconds(stages) + cluster.links.latency


def _services(stages: list[Stage], name: str) -> tuple[Services, ...]:
    return tuple(Services(stage) for stage in stages if stage.name == name)


def _work(stages: list[Stage]) -> tuple[Services, ...]:
    """Times of the stages that work on a batch, which no wire does."""
    return (*_services(stages, "producer"), *_services(stages, "consumer"))
