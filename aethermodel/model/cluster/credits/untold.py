"""Untold latencies: why the queues of a closed network do not tell a P99, or its throughput."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aethermodel.model.cluster.credits.mean_value_analysis import FEW_BATCHES, FEW_CREDITS, Window
from aethermodel.model.cluster.credits.queues import Queues
from aethermodel.model.cluster.stations import FULL, WIRES, Stage
from aethermodel.model.cluster.waits import Waits

#: Share of the batches that P99 leaves out.
LIMIT = 0.01
#: Share by which a throughput with credits may lie below its asymptote and be told all the same
#: where batches can fall into step.
MOST_GAP = 0.03
#: Load of a station from which on batches that meet the same others there fall into step.
STEP_LOAD = 0.6
#: Load of a station on the producers' side from which on few credits of each fall into step.
MOST_OWN_LOAD = 0.8
#: Part of the batches on their way that may wait where they fall into step, as nothing.
STEP_WAIT = 0.05
#: Scatter of a round trip's own times from which on producers of one credit come at random.
MIXED = 0.2
#: Credits of a producer in turn up to which a late batch meets again whom it met.
TURN_CREDITS = 4
#: Credits of a producer from which on full stations without scatter of their own stay full.
MANY_CREDITS = 8
#: Load of a station from which on it may hold the batches in place of the fullest one.
RIVAL_LOAD = 0.92
#: Difference of a scatter from that of exponential times that is none.
NEARLY = 0.1
#: Scatter of a time, as a share of the longest one at a station, up to which it parts nobody.
FAINT = 0.1
#: Reasons where either is so.
RIVALS_REASON = "two kinds of stations are nearly full"
EDGE_REASON = "about one batch in a hundred meets a full station"
#: Deviation of a P99 from run to run, as a share of it, that it is told up to.
BEGUN = 0.075
# Deviation of the P99 of n draws of a normal law times the root of n, and of few draws at most.
_OF_ONE, _OF_FEW = 3.7, 2.3
#: Part of the share that P99 leaves out within which a full station's own share of the batches
#: decides on which side of its queue P99 lies.
EDGE = 0.8


def why_untold(full: Window, *, in_turn: bool) -> str:
    """Why the queues of a closed network do not tell the latency; empty where they do."""
    if full.population < FEW_BATCHES * (2 if in_turn else 1):
        return "few batches are in flight"
    if in_turn:
        # Of few credits each little is elsewhere that parts them: so much is told as of throughput.
        in_step = _credits(full) <= TURN_CREDITS and not throughput_told(full, in_turn=True)
        in_step = in_step or _turns_in_step(full)
        if in_step:
            return "producers that take turns fall into step"
        if _own_rivals(full) or _producers_rival(full):
            return RIVALS_REASON
        return EDGE_REASON if _at_the_edge(full) else ""
    if _one_credit_in_step(full):
        return "producers of one credit each fall into step"
    if _rivals(full):
        return RIVALS_REASON
    if _at_the_edge(full):
        return EDGE_REASON
    return ""


def begin_decides(times: Sequence[Waits | Queues], rate: float, p99: float) -> bool:
    """Whether the P99 of producers in turn depends on where their turns began.

    Parameters
    ----------
    times : sequence of Waits or Queues
        At every stage, rate batches a second.
    rate : float
    p99 : float
        In seconds.

    Notes
    -----
    Full stations keep the queues that they began with, one each: of n stations the P99 is that of
    n draws, which deviates by ``sqrt(0.01 * 0.99 / n)`` over the density there (of a normal law).
    """
    for part in times:
        if not isinstance(part, Queues) or part.stage.side == "producers" or part.stage.scatter:
            continue
        full = rate * part.stage.demand > FULL
        if np.sum(full) < 2:  # all that is nowhere else
            continue
        mean = np.sum(part.chance * part.met, axis=1)
        spread = np.sqrt(np.maximum(np.sum(part.chance * part.met**2, axis=1) - mean**2, 0.0))
        deviation = (spread[part.group] * part.stage.seconds)[full & (part.group >= 0)]
        if deviation.max(initial=0.0) * min(_OF_ONE / full.sum() ** 0.5, _OF_FEW) > BEGUN * p99:
            return True
    return False


def throughput_told(full: Window, *, in_turn: bool) -> bool:
    """Whether the throughput is told: few batches may fall into step, and then nobody waits.

    It is where hardly anybody waits, even if batches that may be in step meet by chance. Into step
    fall also producers of up to four credits that take turns, and of one or two that often meet
    each other, or themselves, at a busy station of their own side: their batches keep the distance
    they have, where many that are mixed come at random. Those that take turns find no other one at
    all where nothing scatters.
    """
    # A full station sets the pace whoever meets whom.
    open_turns = in_turn and max(load for _, load in _loads(full)) <= FULL
    if open_turns and 1 < _credits(full) <= TURN_CREDITS and not _scatters(full):
        return False
    if full.asymptote / full.by_chance - 1 <= MOST_GAP:
        return True
    if full.population < FEW_BATCHES:
        return False
    # Where two of their stations are as slow, either may be idle while the other holds a batch.
    if _own_rivals(full):
        return False
    if _credits(full) > (TURN_CREDITS if open_turns else FEW_CREDITS):
        return True
    own = (load for stage, load in _loads(full) if stage.side == "producers")
    return not in_turn and max(own) <= MOST_OWN_LOAD


def _credits(full: Window) -> int:
    return full.population // full.by_producer.size


def _loads(full: Window) -> list[tuple[Stage, float]]:
    """Stages, and how busy the busiest station of each is."""
    rate = full.batches_per_second
    return [(part.stage, rate * float(part.stage.demand.max())) for part in full.waits]


def _scatters(full: Window) -> bool:
    """Whether times of a trip scatter beside the longest time at a station."""
    stages = [part.stage for part in full.waits]
    longest = max(float(stage.seconds.max()) for stage in stages)
    return any(stage.scatter * float(stage.seconds.max()) > FAINT * longest for stage in stages)


def _turns_in_step(full: Window) -> bool:
    """Whether producers that take turns fall into step."""
    shared = [part.stage for part in full.waits if part.stage.name != "producer"]
    busy = [full.batches_per_second * stage.demand for stage in shared]
    if max(float(loads.max()) for loads in busy) <= STEP_LOAD:
        return False
    stations = sum(int((loads > FULL).sum()) for loads in busy)
    producers = full.by_producer.size
    if stations and _credits(full) == 1:  # nothing of a producer is elsewhere, and parts it
        return True
    own = any(s.scatter for s, loads in zip(shared, busy, strict=True) if loads.max() > FULL)
    many = _credits(full) >= MANY_CREDITS and not own
    calm = stations == 1 or many or not any(stage.scatter for stage in shared)
    # Fewer producers than full stations leave one of them idle now and then.
    return not (stations == 1 or (stations and calm and producers >= 2 * stations))


def _one_credit_in_step(full: Window) -> bool:
    """Whether producers of one credit keep their distance at a link or trunk that they share.

    A producer whose batch is back after nearly the same time comes at a steady pace, and meets the
    same others; what scatters on a round trip has to be large beside the trip to part them.
    """
    if _credits(full) > 1:
        return False
    trip = full.population / full.batches_per_second
    worked = [part.stage for part in full.waits if part.stage.name not in WIRES]
    variance = sum(float(s.share @ (s.scatter * s.seconds) ** 2) for s in worked)
    if variance >= (MIXED * trip) ** 2:
        return False
    waiting = {
        part.stage.name: full.batches_per_second * float(part.stage.share @ part.mean)
        for part in full.waits
    }
    made = sum(load for stage, load in _loads(full) if stage.name == "producer")
    on_way = full.population - made * full.by_producer.size
    return any(
        stage.side == "producers"
        and stage.members.max() > 1
        and load > STEP_LOAD
        and waiting[stage.name] > STEP_WAIT * on_way
        for stage, load in _loads(full)
    )


def _rivals(full: Window) -> bool:
    """Whether two kinds of stations are nearly full.

    Either may hold the batches: which one does turns on the last per cent of every figure, and on
    how times scatter. Of exponential times product form tells that exactly.
    """
    rivals = [stage for stage, load in _loads(full) if load > RIVAL_LOAD]
    return len(rivals) > 1 and any(abs(stage.scatter - 1) > NEARLY for stage in rivals)


def _producers_rival(full: Window) -> bool:
    """Whether producers that take turns are full, and other stations too.

    Each sends at its own pace then, and who is behind whom elsewhere hardly changes; not at all
    where nothing scatters behind them.
    """
    others = [part.stage for part in full.waits if part.stage.name != "producer"]
    loads = {stage.name: load for stage, load in _loads(full)}
    least = FULL if any(stage.scatter for stage in others) else RIVAL_LOAD
    making = loads.pop("producer", 0.0)
    return making > least and max(loads.values()) > FULL


def _own_rivals(full: Window) -> bool:
    """Whether two kinds of stations of the producers' side are nearly full."""
    own = (load for stage, load in _loads(full) if stage.side == "producers")
    return sum(load > RIVAL_LOAD for load in own) > 1


def _at_the_edge(full: Window) -> bool:
    """Whether about as many batches as P99 leaves out meet a full station.

    A little more of them, and P99 is a wait there; a little less, and it is none.
    """
    for part in full.waits:
        if part.stage.side == "consumers":
            is_full = full.batches_per_second * part.stage.demand > FULL
            share = float(part.stage.share[is_full].sum())
            if EDGE * LIMIT < share < LIMIT / EDGE:
                return True
    return False
