"""Latency of producers that are as fast as their costs and credits let them."""

from __future__ import annotations

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.credits.closed_queues import closed_queues
from aethermodel.model.cluster.credits.full_stations import full_links
from aethermodel.model.cluster.credits.mean_value_analysis import FEW_BATCHES, Window
from aethermodel.model.cluster.credits.untold import LIMIT, begin_decides, why_untold
from aethermodel.model.cluster.latency import Latency
from aethermodel.model.cluster.stations import FULL, Stage, wire_seconds
from aethermodel.model.cluster.waits import Services, open_waits

#: Scatter of the time to make a batch up to which producers that never idle send steadily.
STEADY = 0.3
#: Load up to which a station keeps pace with steady senders, and the nearest to a full one.
MOST_PACE, BELOW = 0.9, 0.9999
#: Part of the load beyond that which is rounding.
MET = 1e-3


def greedy_latency(
    cluster: Cluster, stages: list[Stage], full: Window
) -> tuple[Latency | None, float, str]:
    """Latency where producers wait for nothing but their credits.

    Parameters
    ----------
    cluster : Cluster
    stages : list of Stage
    full : Window
        Its closed network.

    Returns
    -------
    latency : Latency or None
        None where it is not told.
    mean : float
        In seconds, told or not.
    untold : str
        Why not; empty where it is.
    """
    in_turn = cluster.topics.routing == "round-robin"
    wires = wire_seconds(stages) + cluster.links.latency
    handled = tuple(Services(stage) for stage in stages if stage.name == "consumer")
    untold = ""
    latency = _past_producers(cluster, full, wires, handled, in_turn=in_turn)
    latency = latency or _past_links(cluster, full, wires, handled, in_turn=in_turn)
    if latency is None:
        away = wires + cluster.links.latency
        times = closed_queues(
            full.waits, full.batches_per_second, away, cluster.credits or 0, in_turn=in_turn
        )
        latency = Latency(wires, (*times, *handled))
        untold = why_untold(full, in_turn=in_turn)
        several = full.population > cluster.producers.count
        if in_turn and not untold and several and _never_idle(full):
            untold = "producers run out of credits now and then"
        if in_turn and not untold:
            p99 = latency.quantile(1 - LIMIT)
            if begin_decides(times, full.batches_per_second, p99):
                untold = "where producers' turns began decides"
    mean = _mean_in_flight(full, cluster.links.latency, latency)
    return None if untold else latency, mean, untold


def _never_idle(full: Window) -> bool:
    """Whether producers make batches all the time, steadily, and nothing else is always busy.

    What a single one sends is known for any load, as nobody comes between its batches.
    """
    making, others = 0.0, 0.0
    for part in full.waits:
        load = full.batches_per_second * part.stage.demand
        if part.stage.name == "producer" and part.stage.scatter <= STEADY:
            making = float(load.min())
        else:
            others = max(others, float(load.max()))
    most = making if full.by_producer.size == 1 else FULL
    return making > FULL and others < most


def _links_full(full: Window, *, in_turn: bool) -> bool:
    """Whether each link of a producer's host is always busy, and what follows can keep pace.

    Producers that are always busy as well hold the batches in place of the links.
    """
    stages = {part.stage.name: part.stage for part in full.waits}
    link, making = stages.pop("uplink"), stages.pop("producer", None)
    if making is not None and full.batches_per_second * float(making.demand.max()) > FULL:
        return False
    credits = full.population // link.station.size * int(link.members.min())
    # In turn even few come back at a steady pace.
    few = credits < FEW_BATCHES and not in_turn
    if full.batches_per_second * float(link.demand.min()) <= FULL or few:
        return False
    return all(
        full.batches_per_second * float(stage.demand.max()) <= _pace(stage, in_turn=in_turn) + MET
        for stage in stages.values()
    )


def _pace(stage: Stage, *, in_turn: bool) -> float:
    """Load up to which a stage keeps pace with steady senders."""
    behind = int(stage.members.max())
    evenly = stage.side == "producers" or behind == stage.ends.size or (in_turn and behind == 1)
    return 1.0 if evenly and not stage.scatter else MOST_PACE


def _past_producers(
    cluster: Cluster, full: Window, wires: float, handled: tuple[Services, ...], *, in_turn: bool
) -> Latency | None:
    """Latency of what producers send that are never idle; None where they are, or may be."""
    if not _never_idle(full):
        return None
    past = [part.stage for part in full.waits if part.stage.name != "producer"]
    producers = cluster.producers.count
    making = next(part.stage for part in full.waits if part.stage.name == "producer")
    times = open_waits(
        past, full.batches_per_second, producers,
        in_turn=in_turn, steady=1, pace_scatter=making.scatter,
    )  # fmt: skip
    latency = Latency(wires, (*times, *handled))
    # One credit is always spent on the batch that is being made.
    last = (full.population // producers - 1) * float(making.seconds.min())
    away = latency.quantile(1 - LIMIT) + cluster.links.latency
    return latency if away <= last else None


def _past_links(
    cluster: Cluster, full: Window, wires: float, handled: tuple[Services, ...], *, in_turn: bool
) -> Latency | None:
    """Latency where links of producers' hosts are full, and send at a steady pace; else None.

    A link does not stay full, nor a producer busy, where more than one batch in a hundred stays
    away for longer than all credits last.

    What leaves a full link at a steady pace, and finds the same others before it at each port in
    turn, stays away for the same time: from commit to handled it takes what all credits take at the
    link, less what a credit needs to be spent again. Only what scatters itself changes that: the
    making of the batch, and its own handling.
    """
    if not _links_full(full, in_turn=in_turn):
        return None
    link = next(part for part in full.waits if part.stage.name == "uplink")
    making = [part for part in full.waits if part.stage.name == "producer"]
    after = [part.stage for part in full.waits if part.stage.name not in ("producer", "uplink")]
    rate = min(full.batches_per_second, *(BELOW / float(stage.demand.max()) for stage in after))
    together = cluster.producers.per_host
    times = open_waits(after, rate, cluster.producers.count, in_turn=in_turn, steady=together)
    # Credits come back at a steady pace: they hardly wait to be spent.
    back = cluster.links.latency + sum(float(part.stage.demand.sum()) for part in making)
    away = Latency(wires + back, (*times, *handled))
    credits = full.population // cluster.producers.count
    last = credits * float((link.stage.members * link.stage.seconds).min())
    if away.quantile(1 - LIMIT) > last:
        return None
    if in_turn:
        own = [part for part in times if part.stage.scatter]
        work = [Services(part.stage) for part in (*making, *own) if part.stage.scatter]
        even = sum(float(part.stage.share @ part.mean) for part in own)
        even += sum(float(part.stage.share @ part.stage.seconds) for part in work)
        return Latency(last - back - even, (*own, *work))
    # Waits of credits for their producer, which makes another batch.
    unmade = sum(float(part.stage.share @ part.mean) for part in making)
    elsewhere, variance = away.mean + unmade, away.variance + unmade**2
    return Latency(wires, (full_links(link, credits, elsewhere, variance), *times, *handled))


def _mean_in_flight(full: Window, back: float, latency: Latency) -> float:
    """Mean latency by Little's law: what is not on its way back, or being made, is on its way."""
    making = [part for part in full.waits if part.stage.name == "producer"]
    if any(full.batches_per_second * part.stage.demand.max() > FULL for part in making):
        return latency.mean  # how many batches wait to be made, their mean alone does not tell
    away = sum(
        float((part.stage.share * (part.mean + part.stage.seconds)).sum()) for part in making
    )
    return full.population / full.batches_per_second - back - away
