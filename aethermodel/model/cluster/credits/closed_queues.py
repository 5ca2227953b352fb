"""Queues of a closed network: how many batches an arriving one meets where credits fill them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.credits.outstanding_turns import unevenness_of_outstanding
from aethermodel.model.cluster.credits.population import (
    CELLS,
    allowed_away,
    coefficients,
    logarithm,
    number_here,
    tilt,
)
from aethermodel.model.cluster.stations import FULL, WIRES, Stage
from aethermodel.model.cluster.waits import Waits, log_transform, poisson_wait

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Complexes = npt.NDArray[np.complex128]

#: Load of a station from which on its queue is that of the closed network.
BUSY = 0.5
#: Load of a station next to producers from which on it keeps what of their credits is not away.
HOME = 0.9
#: Credits behind it from which on they come back steadily.
FEW_AT_HOME = 16
# Cells of a queue's distribution.
_BINS = 200
# Batches in flight from which on a station that is not busy does not notice their limit.
_FEW = 64
# Queues whose times differ by less, as a power of e, count as one.
_ALIKE = 0.1
# Square of the least variation of a queue that a transform is turned back to sharply enough.
_STEADY = 0.02**2
# The largest load of an open queue.
_BELOW = 1 - 1e-9


@dataclass(frozen=True)
class Queues:
    """Waits at the stations of a stage, of which busy ones have the queue of a closed network.

    Attributes
    ----------
    stage : Stage
    waits : Waits
        At those that are not busy.
    group : ndarray of int, shape (stations,)
        Row of `met` of each station; -1 where it is not busy.
    met, chance : ndarray, shape (groups, bins)
        Batches that an arriving one meets, and how likely.
    """

    stage: Stage
    waits: Waits
    group: Integers
    met: Floats
    chance: Floats

    @property
    def mean(self) -> Floats:
        """Mean wait at each station, in seconds."""
        residual = (1 + self.stage.scatter**2) / 2
        services = np.where(self.met > 0, self.met - 1 + residual, 0.0)
        queued = np.sum(self.chance * services, axis=1)[self.group] * self.stage.seconds
        return np.where(self.group < 0, self.waits.mean, queued)

    @property
    def figures(self) -> Floats:
        """What tells stations apart."""
        return np.concatenate([self.waits.figures, self.group[None, :], self.stage.seconds[None]])

    def transform(self, s: Complexes, stations: Integers) -> Complexes:
        """Laplace-Stieltjes transforms of the waits.

        Notes
        -----
        Of n batches met one is being served, for what is left of its time; the others take all
        of theirs.
        """
        found = np.empty((stations.size, s.size), dtype=np.complex128)
        group = self.group[stations]
        quiet = group < 0
        if quiet.any():
            found[quiet] = self.waits.transform(s, stations[quiet])
        for at in np.flatnonzero(~quiet):
            seconds = self.stage.seconds[stations[at]]
            met, chance = self.met[group[at]], self.chance[group[at]]
            log = log_transform(self.stage, s, np.asarray(seconds))
            left = (1 - np.exp(log)) / (s * seconds)
            waiting = met > 0
            # Between no batch and one counts as one.
            powers = np.exp(np.multiply.outer(log, np.maximum(met[waiting] - 1, 0.0)))
            found[at] = chance[~waiting].sum() + left * (powers @ chance[waiting])
        return found


def closed_queues(
    waits: Sequence[Waits],
    rate: float,
    away_seconds: float,
    credits: int,
    *,
    in_turn: bool,
) -> list[Waits | Queues]:
    """Waits of a network whose batches in flight are limited by credits.

    Parameters
    ----------
    waits : sequence of Waits
        At every stage, by mean value analysis.
    rate : float
        Batches a second of all producers.
    away_seconds : float
        Of a round trip, at no station that is counted: on wires and on the way back.
    credits : int
        Of each producer.
    in_turn : bool
        Whether each producer takes the consumers in turn.

    Returns
    -------
    list of Waits or Queues
        Of all stages but the producer's own.

    Notes
    -----
    Product form: the numbers at all stations are independent but for their sum, which credits
    set. Each has the marginal of largest entropy for its load and mean (Kouvatsos, "Entropy
    maximisation and queueing network models", Annals of Operations Research 48 (1994), doi
    10.1007/BF02023095). A batch that arrives finds a network with one batch less. Those away of
    each producer are no more than its credits; whose a batch is that waits, is even chance. How
    many are away on average is known from mean value analysis, and sets what product form leaves
    open.
    """
    producers = waits[0].stage.ends.size
    population = producers * credits
    waits = _filled(waits, rate, rate * away_seconds, population)
    making = [part for part in waits if part.stage.name == "producer"]
    shared = [part for part in waits if part.stage.name != "producer"]
    home = rate * sum(
        float(np.sum(part.stage.share * (part.mean + part.stage.seconds))) for part in making
    )
    step = max(1, -(-population // CELLS))
    cells = population // step + 1
    points = 4 * cells
    radius = 10.0 ** (-8 / points)
    circle = radius * np.exp(-2j * np.pi * np.arange(points) / points)
    # A batch counts as a cell with chance 1/step: no lattice, and hardly more spread.
    z = 1 - (1 - circle) / step
    log_all = rate * away_seconds * (z - 1)
    for part in shared:
        alike, many = np.unique(_marginal(part, rate), axis=1, return_counts=True)
        for (load, more), count in zip(alike.T, many, strict=True):
            log_all = log_all + count * np.log(_generating(z, load, more, part.stage))
    allowed = allowed_away(producers, credits, step, cells)
    known = logarithm(coefficients(np.exp(log_all), radius, cells))
    allowed += tilt(known + allowed, (population - home) / step) * np.arange(cells)
    crowded = [part for part in shared if part.stage.side == "producers"]
    own = max(crowded, key=lambda part: float(part.stage.demand.max()), default=None)
    least = BUSY if population > _FEW else 0.0
    near = sum(int(np.sum(rate * part.stage.demand > HOME)) for part in waits)
    found: list[Waits | Queues] = []
    for part in shared:
        most = rate * float(part.stage.demand.max())
        turns = in_turn and part.stage.side == "consumers"
        if part is own and most > HOME:
            others = [other for other in waits if other is not part]
            found.append(_at_home(part, others, away_seconds, credits))
        elif near == 1 and most > FULL and not in_turn and not part.stage.scatter:
            others = [other for other in waits if other is not part]
            found.append(_gathered(part, others, away_seconds, rate, population))
        elif turns and most > FULL and not part.stage.scatter:
            found.append(_even(part, rate, credits))
        elif most < least:
            found.append(part)
        else:
            found.append(_queues(part, rate, z, log_all, radius, allowed, step, least))
    return found


def _marginal(part: Waits, rate: float) -> Floats:
    """Load of each station, and how much rarer each further batch is."""
    wait, seconds = part.mean, part.stage.seconds
    return np.stack(
        [np.minimum(rate * part.stage.demand, 1.0), np.maximum(wait / (wait + seconds), 1e-12)]
    )


def _generating(z: Complexes, load: float, more: float, stage: Stage) -> Complexes:
    """Generating function of the batches at a station; on a wire, of those that wait for it."""
    geometric = (1 - more) * z / (1 - more * z)
    if stage.name in WIRES:
        return np.asarray(1 - load * more * (1 - geometric))
    return np.asarray(1 - load + load * geometric)


def _filled(waits: Sequence[Waits], rate: float, counted: float, population: int) -> list[Waits]:
    """Give always busy stations the batches that mean value analysis leaves out."""
    for part in waits:
        own = 0.0 if part.stage.name in WIRES else part.stage.seconds
        counted += rate * float(np.sum(part.stage.share * (part.mean + own)))
    through = [rate * part.stage.share for part in waits]
    busy = [rate * part.stage.demand > FULL for part in waits]
    full = sum(float(flow[most].sum()) for flow, most in zip(through, busy, strict=True))
    missing = population - counted
    if missing < 0.01 * population or not full:
        return list(waits)
    found = []
    for part, flow, most in zip(waits, through, busy, strict=True):
        slower = np.minimum(flow, _BELOW / part.stage.seconds)
        alone = np.maximum(poisson_wait(part.stage, slower), 1e-300)
        stretch = (part.mean + missing / full) / alone
        found.append(
            Waits(
                part.stage,
                np.where(most, slower, part.rate),
                np.where(most, 1.0, part.share),
                np.where(most, stretch, part.stretch),
            )
        )
    return found


def _at_home(part: Waits, others: Sequence[Waits], away: float, credits: int) -> Waits | Queues:
    """Queues of the full stations next to producers: whatever of their credits is not away.

    A full station sends at a steady pace, so that credits come back at one, and hardly wait to be
    spent. Producers at stations that are not full have the waits of any others.
    """
    from scipy.special import gammaln

    stage = part.stage
    population = stage.members * credits
    through = part.rate * population / np.maximum(population - 1, 1)
    full = through * stage.seconds > HOME
    if not full.any():
        return part
    elsewhere, variance = np.full(full.size, away), np.zeros(full.size)
    for other in others:
        wait = np.zeros_like(other.mean) if other.stage.name == "producer" else other.mean
        work = 0.0 if other.stage.name in WIRES else other.stage.seconds
        times = wait + work
        squares = wait**2 + (other.stage.scatter * work) ** 2
        if other.stage.side == "producers":  # of each station's own producers
            of_own = other.stage.station
            elsewhere += np.bincount(stage.station, times[of_own], full.size) / stage.members
            variance += np.bincount(stage.station, squares[of_own], full.size) / stage.members
        else:
            elsewhere += float(other.stage.share @ times)
            variance += float(other.stage.share @ squares)
    gone = elsewhere / stage.seconds
    figures = np.stack([stage.members, gone, np.sqrt(variance) / stage.seconds])[:, full]
    kinds, alike = np.unique(figures.round(6), axis=1, return_inverse=True)
    group = np.full(full.size, -1)
    group[full] = alike.ravel()
    met, chance = np.zeros((kinds.shape[1], _BINS)), np.zeros((kinds.shape[1], _BINS))
    for row, (members, mean, deviation) in enumerate(kinds.T):
        there = np.arange(int(members) * credits)[::-1]  # of all but the batch that arrives
        away_now = np.arange(there.size)
        spread = max(deviation / np.sqrt(np.pi), _STEADY * mean**2, 0.25)
        if there.size < FEW_AT_HOME:  # so few that they come back at random
            log = away_now * np.log(mean) - gammaln(away_now + 1.0)
        else:
            log = -((away_now - mean) ** 2) / (2 * spread)
        share = np.exp(log - log.max())[::-1]
        met[row], chance[row] = _binned(share / share.sum())
    return Queues(stage, part, group, met, chance)


def _gathered(
    part: Waits, others: Sequence[Waits], away: float, rate: float, population: int
) -> Queues:
    """Queue of the only full station, where times do not scatter: all batches but those away.

    It sends at a steady pace, so that those away are the queue D/G/endless (see `full_links`). A
    batch that goes elsewhere makes another round before it comes back.
    """
    stage = part.stage
    full = int(np.argmax(stage.demand))
    share, seconds = float(stage.share[full]), float(stage.seconds[full])
    round_trip, variance = away, 0.0
    for other in others:
        work = 0.0 if other.stage.name in WIRES else other.stage.seconds
        round_trip += float(other.stage.share @ (other.mean + work))
        squares = other.mean**2 + (other.stage.scatter * work) ** 2
        variance += float(other.stage.share @ squares)
    rounds = (1 - share) / share  # elsewhere, before a batch is back; geometric
    gone = (1 + rounds) * round_trip / seconds
    variance = (1 + rounds) * variance + rounds / share * round_trip**2
    spread = np.sqrt(np.sqrt(variance / np.pi) / seconds)
    met = np.arange(population, dtype=np.float64)
    log = -((population - 1 - met - gone) ** 2) / (2 * max(spread**2, 0.25))
    chance = np.exp(log - log.max())
    group = np.where(np.arange(stage.seconds.size) == full, 0, -1)
    bins = _binned(chance / chance.sum())
    return Queues(stage, part, group, bins[0][None, :], bins[1][None, :])


def full_links(part: Waits, credits: int, gone: float, variance: float) -> Queues:
    """Queues at links of producers' hosts that are all full: all credits but those away.

    Parameters
    ----------
    part : Waits
        At these links.
    credits : int
        Of each producer.
    gone : float
        Batches of a link that are elsewhere, on average.
    variance : float
        Of a batch's time elsewhere, in square seconds.

    Notes
    -----
    A full link sends at a steady pace, one batch each service: so many batches are elsewhere as in
    the queue D/G/endless, whose variance is half the mean difference of two times over the pace.
    """
    stage = part.stage
    kinds, group = np.unique(stage.members, return_inverse=True)
    spread = np.sqrt(np.sqrt(variance / np.pi) / float(stage.seconds[0]))
    there = np.maximum(kinds * credits - 1 - gone, 0.5)
    return Queues(stage, part, group, *_skewed(there, np.full(kinds.size, spread)))


def _skewed(mean: Floats, spread: Floats, skew: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Numbers met and their chances, as a normal law has them, or a gamma law of some skewness."""
    from scipy.stats import pearson3

    points = (np.arange(_BINS) + 0.5) / _BINS
    beyond = pearson3.ppf(points, np.broadcast_to(skew, mean.shape)[:, None])
    met = np.maximum(mean[:, None] + spread[:, None] * beyond, 1e-9)
    return met, np.full(met.shape, 1 / _BINS)


def _even(part: Waits, rate: float, credits: int) -> Queues:
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


def _queues(
    part: Waits, rate: float, z: Complexes, log_all: Complexes, radius: float,
    allowed: Floats, step: int, least: float,
) -> Queues:  # fmt: skip
    """Queues that an arriving batch meets at the busy stations of a stage."""
    load, more = _marginal(part, rate)
    key = np.round(np.log(np.maximum(1 - more, 1e-12)) / _ALIKE)
    busy = load >= least
    group = np.full(load.size, -1)
    kinds, first, group[busy] = np.unique(key[busy], return_index=True, return_inverse=True)
    members = np.flatnonzero(busy)[first]
    met, chance = np.zeros((kinds.size, _BINS)), np.zeros((kinds.size, _BINS))
    # One batch less is in the network that an arriving one sees.
    arriving = allowed[1:] if step == 1 else allowed
    number = np.arange(arriving.size * step, dtype=np.float64)
    # On a wire, a batch that is being sent is counted elsewhere.
    counted = np.maximum(number - 1, 0) if part.stage.name in WIRES else number
    for row, station in enumerate(members):
        own = _generating(z, load[station], more[station], part.stage)
        others = coefficients(np.exp(log_all - np.log(own)), radius, allowed.size)
        rest = number_here(logarithm(others), arriving)
        with np.errstate(divide="ignore"):
            here = np.log(load[station] * (1 - more[station]))
            here = here + np.maximum(number - 1, 0) * np.log(more[station])
        here[0] = np.log(max(1 - load[station], 1e-300))
        grid = np.arange(arriving.size) * float(step)
        known = np.isfinite(rest)
        log = here + np.interp(counted, grid[known], rest[known], right=-np.inf)
        share = np.exp(log - log.max())
        met[row], chance[row] = _binned(share / share.sum())
    return Queues(part.stage, part, group, met, chance)


def _binned(share: Floats) -> tuple[Floats, Floats]:
    """Numbers met and their chances, in bins of like chance."""
    number = np.arange(share.size)
    bins = np.minimum((np.cumsum(share) - share / 2) * (_BINS - 1), _BINS - 2).astype(int) + 1
    bins[0] = 0
    chance = np.asarray(np.bincount(bins, share, _BINS), dtype=np.float64)
    total = np.asarray(np.bincount(bins, share * number, _BINS), dtype=np.float64)
    return np.divide(total, chance, out=np.zeros(_BINS), where=chance > 0), chance
