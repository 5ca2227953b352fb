"""Full stations: their queues hold whatever of the credits is nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.credits.outstanding_turns import unevenness_of_outstanding
from aethermodel.model.cluster.credits.queues import BINS, Queues, binned
from aethermodel.model.cluster.stations import FULL, WIRES
from aethermodel.model.cluster.waits import Waits, poisson_wait

Floats = npt.NDArray[np.float64]

#: Load of a station next to producers from which on it keeps what of their credits is not away.
HOME = 0.9
#: Part of a service without scatter that is over, on average, when another batch comes.
HALF = 0.5
# Batches that are always gone, or always there, on average.
_LEAST_GONE = 0.05
# Square of the least variation of a queue that a transform is turned back to sharply enough.
_STEADY = 0.02**2


def at_home(part: Waits, others: Sequence[Waits], away: float, credits: int) -> Waits | Queues:
    """Queues of the full stations next to producers: whatever of their credits is not away.

    Producers at stations that are not full have the waits of any others.

    Parameters
    ----------
    part : Waits
        At these stations, which are wires.
    others : sequence of Waits
        At all other stages.
    away : float
        Seconds of a round trip at no station that is counted, but on wires.
    credits : int
        Of each producer.

    Notes
    -----
    What leaves at a pace of variation c is elsewhere as in the queue G/G/endless. The variance of
    their number is m + c (n - m), of n batches on average and m half the mean difference of two
    times over the pace. Behind a station that is always busy c is 0, and 1 behind one that hardly
    is: 1 less its load squared, if batches come to it at random. The law of the number is a Poisson
    law to a power: that itself where nothing is steady (Conway and Maxwell, "A queuing model with
    state dependent service rates", Journal of Industrial Engineering 12 (1962)).
    """
    stage = part.stage
    population = stage.members * credits
    through = part.rate * population / np.maximum(population - 1, 1)
    load = through * stage.seconds
    full = load > HOME
    if not full.any():
        return part
    elsewhere, variance = np.full(full.size, away), np.zeros(full.size)
    for other in others:
        work = 0.0 if other.stage.name in WIRES else other.stage.seconds
        times = other.mean + work
        squares = other.mean**2 + (other.stage.scatter * work) ** 2
        if other.stage.side == "producers":  # of each station's own producers
            of_own = other.stage.station
            elsewhere += np.bincount(stage.station, times[of_own], full.size) / stage.members
            variance += np.bincount(stage.station, squares[of_own], full.size) / stage.members
        else:
            elsewhere += float(other.stage.share @ times)
            variance += float(other.stage.share @ squares)
    wait = population * np.maximum(1 / through, stage.seconds) - elsewhere
    others_gone = population - 1 - (wait / stage.seconds + HALF)
    gone = np.clip(others_gone, _LEAST_GONE, np.maximum(population - 1 - _LEAST_GONE, _LEAST_GONE))
    steady = np.minimum(np.sqrt(variance / np.pi) / stage.seconds, gone)
    spread = steady + np.maximum(1 - load**2, 0.0) * (gone - steady)
    figures = np.stack([population, gone, spread])[:, full]
    kinds, alike = np.unique(figures.round(6), axis=1, return_inverse=True)
    group = np.full(full.size, -1)
    group[full] = alike.ravel()
    met, chance = np.zeros((kinds.shape[1], BINS)), np.zeros((kinds.shape[1], BINS))
    for row, (batches, mean, most) in enumerate(kinds.T):
        met[row], chance[row] = binned(_all_but(int(batches) - 1, mean, most))
    return Queues(stage, part, group, met, chance)


def _all_but(batches: int, gone: float, variance: float) -> Floats:
    """Chances of 0, 1, ... of so many batches, if so many are gone on average."""
    from scipy.optimize import brentq
    from scipy.special import gammaln

    if not batches:
        return np.ones(1)
    away = np.arange(batches + 1)[::-1]
    least = max(variance, _STEADY * max(gone, batches - gone) ** 2, 0.25)
    shape = -gammaln(away + 1.0) * (gone / least)

    def chances(slope: float) -> Floats:
        log = shape + slope * away
        share = np.exp(log - log.max())
        return np.asarray(share / share.sum(), dtype=np.float64)

    def beyond(slope: float) -> float:
        return float(chances(slope) @ away) - gone

    most = (gone / least) * np.log(batches + 2) + 50
    return chances(float(brentq(beyond, -most, most)))


def gathered(
    part: Waits, others: Sequence[Waits], away: float, rate: float, population: int
) -> Queues:
    """Queue of the only full station, where times do not scatter: all batches but those away.

    It sends at a steady pace, so that those away are the queue D/G/endless (see `full_links`). A
    batch that goes to another station of its kind makes another round before it comes back.
    """
    stage = part.stage
    full = int(np.argmax(stage.demand))
    share, seconds = float(stage.share[full]), float(stage.seconds[full])
    trip, trip_variance = away, 0.0
    for other in others:
        mean, variance = _time_at(other)
        trip, trip_variance = trip + mean, trip_variance + variance
    elsewhere = np.where(np.arange(stage.seconds.size) == full, 0.0, stage.share)
    beside, beside_variance = _time_at(part, elsewhere / max(float(elsewhere.sum()), 1e-300))
    rounds = (1 - share) / share  # elsewhere, before a batch is back; geometric
    gone = ((1 + rounds) * trip + rounds * beside) / seconds
    variance = (1 + rounds) * trip_variance + rounds * beside_variance
    variance += rounds / share * (trip + beside) ** 2
    spread = np.sqrt(np.sqrt(variance / np.pi) / seconds)
    met = np.arange(population, dtype=np.float64)
    log = -((population - 1 - met - gone) ** 2) / (2 * max(spread**2, 0.25))
    chance = np.exp(log - log.max())
    group = np.where(np.arange(stage.seconds.size) == full, 0, -1)
    bins = binned(chance / chance.sum())
    return Queues(stage, part, group, bins[0][None, :], bins[1][None, :])


def full_links(part: Waits, credits: int, elsewhere: float, variance: float) -> Queues:
    """Queues at links of producers' hosts that are all full: all credits but those away.

    Parameters
    ----------
    part : Waits
        At these links.
    credits : int
        Of each producer.
    elsewhere : float
        Seconds of a round trip that a batch does not wait for its link, on average.
    variance : float
        Of these, in square seconds.

    Notes
    -----
    A round trip takes one service for each credit (Little's law): what is left of it is the wait. A
    full link sends at a steady pace, so that as many batches are elsewhere as in the queue
    D/G/endless, whose variance is half the mean difference of two times over the pace.
    """
    stage = part.stage
    kinds, group = np.unique(stage.members, return_inverse=True)
    spread = np.sqrt(np.sqrt(variance / np.pi) / float(stage.seconds[0]))
    there = np.maximum(kinds * credits - elsewhere / float(stage.seconds[0]) + HALF, 0.5)
    return Queues(stage, part, group, *_skewed(there, np.full(kinds.size, spread)))


def in_one_row(waits: Sequence[Waits], rate: float) -> list[Waits]:
    """Waits of full stations in turn, of which each has as many batches on their way as the others.

    The batches in flight of a producer are for as many stations in a row. Those that wait before a
    full trunk are missing behind it.
    """
    found = list(waits)
    later = [at for at, part in enumerate(found) if part.stage.side == "consumers"]
    for last in later:
        part = found[last]
        if float((rate * part.stage.demand).min()) <= FULL or part.stage.scatter:
            continue
        station = np.empty(part.stage.seconds.size, dtype=np.int64)
        waited = np.zeros(station.size)
        for at in later[: later.index(last)]:
            before = found[at]
            if rate * float(before.stage.demand.max()) > FULL:
                station[part.stage.station] = before.stage.station
                waited += before.mean[station]
        if waited.any():
            whole = float(part.stage.share @ (waited + part.mean))
            alone = np.maximum(poisson_wait(part.stage, part.rate), 1e-300)
            own = np.maximum(whole - waited, 0.0)
            found[last] = replace(part, share=np.ones_like(own), stretch=own / alone)
    return found


def even(part: Waits, rate: float, credits: int) -> Queues:
    """Queues at full stations that producers take in turn.

    Nothing evens out what one of them got more than another when all began.
    """
    stage = part.stage
    full = int(np.sum(rate * stage.demand > FULL))
    # All batches are somewhere: what is here is not at the others.
    apart = max(1 - 1 / full, 0.0)
    second, third = unevenness_of_outstanding(stage, credits)
    length = part.mean / stage.seconds + 0.5
    figures = np.stack([length, second * apart, third * apart * (1 - 2 / full)])
    (kinds, uneven, lopsided), group = np.unique(figures, axis=1, return_inverse=True)
    spread = np.sqrt(np.maximum(kinds * uneven, _STEADY * kinds**2))
    return Queues(stage, part, group.ravel(), *_skewed(kinds, spread, kinds * lopsided / spread**3))


def full_in_turn(part: Waits, others: Sequence[Waits], credits: int) -> Queues:
    """Queue of the only full station that producers take in turn, where times scatter.

    Parameters
    ----------
    part : Waits
        At the stations of its stage, with one consumer behind each.
    others : sequence of Waits
        At all other stages.
    credits : int
        Of each producer.

    Notes
    -----
    From one of a producer's batches there to its next one all producers are served once, N
    services, and it sends a row of n batches. While one of K credits waits there, K - 1 make the
    others' trips: of a wait longer by x the time away is shorter by ``x (K - 1) / K``. So that is
    what each wait keeps of the one before, and what is added has the variance of N services and of
    n trips by K credits.
    """
    stage = part.stage
    full = int(np.argmax(stage.demand))
    noise = stage.scatter**2
    trip = sum(_time_at(other)[1] for other in others)
    elsewhere = np.where(np.arange(stage.seconds.size) == full, 0.0, stage.share)
    trip += _time_at(part, elsewhere / max(float(elsewhere.sum()), 1e-300))[1]
    producers, consumers = others[0].stage.ends.size, stage.ends.size
    added = producers * noise + consumers * trip / (credits * stage.seconds[full]) ** 2
    kept = 1 - 1 / credits
    length = part.mean[full] / stage.seconds[full] + (1 - noise) / 2
    # Services that a batch waits for scatter by themselves.
    variance = added / (1 - kept**2) - length * noise
    group = np.where(np.arange(stage.seconds.size) == full, 0, -1)
    spread = np.sqrt(max(variance, _STEADY * length**2))
    return Queues(stage, part, group, *_skewed(np.array([length]), np.array([spread])))


def _time_at(part: Waits, weight: Floats | None = None) -> tuple[float, float]:
    """Mean and variance of the time that a batch spends at a stage, in seconds."""
    stage = part.stage
    weight = stage.share if weight is None else weight
    work = 0.0 if stage.name in WIRES else stage.seconds
    squares = part.mean**2 + (stage.scatter * work) ** 2
    return float(weight @ (part.mean + work)), float(weight @ squares)


def _skewed(mean: Floats, spread: Floats, skew: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Numbers met and their chances, as a normal law has them, or a gamma law of some skewness."""
    from scipy.stats import pearson3

    points = (np.arange(BINS) + 0.5) / BINS
    beyond = pearson3.ppf(points, np.broadcast_to(skew, mean.shape)[:, None])
    met = np.maximum(mean[:, None] + spread[:, None] * beyond, 1e-9)
    return met, np.full(met.shape, 1 / BINS)
