"""First run of a simulation: how long it takes to settle, and where it begins."""

from __future__ import annotations

import numpy as np

from aethermodel.bench.cluster.observation import WARM_UP_MEMORIES
from aethermodel.model.cluster.cluster import Floats
from aethermodel.model.cluster.prediction import MET, Prediction
from aethermodel.model.cluster.stations import FULL

#: Batches of a first run, at least.
LEAST_BATCHES = 200_000
# Batches of a first run, at most.
_MOST_BATCHES = 5_000_000
# Memories of the busiest queue in a first run.
_MEMORIES = 40
# The load nearest to full whose memory is told apart.
_NEAREST_LOAD = 0.998
# Memories of who is where in a round, in a run whose parts forget it: two in each part of a half.
_TURN_MEMORIES = 48
# Round trips of all batches in a first run.
_ROUND_TRIPS = 50


def memory_seconds(prediction: Prediction) -> float:
    """Time after which the busiest queue has forgotten how it was.

    Notes
    -----
    A queue with drift d and variance v a service forgets within ``2 v / d**2`` services (that of a
    Brownian motion between its barrier and the drift). Where credits keep several stations full,
    the drift is what makes their queues as long as they are. Where they keep one, all batches
    gather there, and those of a producer mix while its queue passes once; if they do not begin
    there (`gathered_at`), at what the next busiest station leaves it of a rate.
    """
    shared = [stage for stage in prediction.stages if stage.name != "producer"]
    rate = prediction.batches_per_second
    stage = max(shared, key=lambda part: float(part.demand.max()))
    busiest = int(np.argmax(stage.demand))
    seconds, noise = float(stage.seconds[busiest]), 1 + stage.scatter**2
    spare = 1 - rate * float(stage.demand[busiest])
    if prediction.grows:
        most = rate if prediction.window else prediction.bottleneck.batches_per_second
        spare = prediction.cluster.offered / most - 1
        if prediction.window and stage.side == "consumers":  # what gathers there slows all down
            through = prediction.window.population / rate / float(stage.share[busiest])
            return max(through, float(_forgotten(noise, seconds, spare)))
    elif prediction.window is not None and spare < 1 - FULL and _held_by_credits(prediction):
        if stage.side == "producers":  # its queue holds the credits of a few producers
            return prediction.window.population / rate
        waits = {id(part.stage): part.mean for part in prediction.window.waits}
        other_loads = (
            (rate * float(demand), part, station)
            for part in shared
            for station, demand in enumerate(part.demand)
            if part is not stage or station != busiest
        )
        load, part, station = max(
            other_loads, key=lambda other: other[0], default=(0.0, stage, busiest)
        )
        if load > FULL:
            spare = noise / 2 / (1 + float(waits[id(stage)][busiest]) / seconds)
        else:
            through = prediction.window.population / rate / float(stage.share[busiest])
            if gathered_at(prediction) is None:  # all batches have to gather there
                return through / (1 - load)
            own = 2 * (1 + part.scatter**2) * float(part.seconds[station]) / (1 - load) ** 2
            return max(through, own)
    else:  # of queues that are as busy the slowest one remembers longest
        return max(
            float(np.max(_forgotten(1 + part.scatter**2, part.seconds, 1 - rate * part.demand)))
            for part in shared
        )
    return float(_forgotten(noise, seconds, spare))


def _held_by_credits(prediction: Prediction) -> bool:
    """Whether producers would send more if they had the credits."""
    return prediction.batches_per_second < prediction.cluster.offered * (1 - MET)


def _forgotten(noise: float, seconds: Floats | float, spare: Floats | float) -> Floats:
    return np.asarray(2 * noise * seconds / np.maximum(spare, 1 - _NEAREST_LOAD) ** 2)


def keeps_turns(prediction: Prediction, seconds: float) -> bool:
    """Whether producers that take turns keep for so long who is where in a round.

    A producer whose batches are ready at random times is elsewhere in a round of n consumers when
    about ``(n / 2 pi) ** 2`` batches later their number has varied by as much. Till then, bursts
    that meet at a station meet there again: what differs is one simulation from the other. Parts of
    a run that are no longer than that share what they see. Producers that are as fast as they can
    may keep their order for ever, at full stations whose times do not scatter: each run of such a
    cluster counts as one.
    """
    cluster = prediction.cluster
    if cluster.topics.routing != "round-robin":
        return False
    if cluster.producers.rate is None:  # a run that is too short to settle has to grow
        return seconds >= 2 * WARM_UP_MEMORIES * memory_seconds(prediction)
    sent = prediction.batches_per_second / cluster.producers.count * seconds
    return sent < _TURN_MEMORIES * (cluster.consumers.count / (2 * np.pi)) ** 2


def gathered_at(prediction: Prediction) -> Floats | None:
    """Share of the batches in flight that gather before each consumer at full stations.

    Returns
    -------
    ndarray, shape (consumers,), or None
        None where batches take turns, no station on the consumers' side is full, or all that is
        offered is carried. A simulation that begins with them there need not wait until they have
        gathered.
    """
    window, rate = prediction.window, prediction.batches_per_second
    in_turn = prediction.cluster.topics.routing == "round-robin"
    if window is None or in_turn or not _held_by_credits(prediction):
        return None
    queued = np.zeros(prediction.cluster.consumers.count)
    for part in window.waits:
        stage = part.stage
        is_full = rate * stage.demand > FULL
        if stage.side == "producers" and stage.name != "producer" and is_full.any():
            return None
        if stage.side == "consumers":
            length = np.where(is_full, rate * part.mean, 0.0)  # of a batch's share 1
            queued += stage.ends * length[stage.station]
    return queued / queued.sum() if queued.any() else None


def displaced_batches(prediction: Prediction) -> float:
    """Batches by which counts are wrong where queues are not yet what they will be.

    Notes
    -----
    What comes to a station less what leaves it is no more than all batches that may be there; of
    those that go elsewhere in the meantime, as many more as its share is small.
    """
    if prediction.window is None:
        return 0.0
    stage, station = prediction.bottleneck.stage, prediction.bottleneck.station
    there = prediction.window.population
    if stage.side == "producers":  # those of its own producers
        there = there // stage.ends.size * int(stage.members[station])
    return there / float(stage.share[station])


def first_run_seconds(prediction: Prediction, most_batches: int) -> float:
    """Time of a first run: many batches, and many memories of the busiest queue."""
    rate = prediction.batches_per_second
    wanted = max(LEAST_BATCHES / rate, _MEMORIES * memory_seconds(prediction))
    if prediction.window is not None:
        wanted = max(wanted, _ROUND_TRIPS * prediction.window.population / rate)
    return float(min(wanted, _MOST_BATCHES / rate, most_batches / 4 / rate))
