"""Waits of batches that producers send to consumers in turn, from what each producer has sent."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.arrival_variation import (
    damping,
    dispersion_in_turn,
    longest_wait_window,
)
from aethermodel.model.cluster.inversion import exceeding

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

# Share of the batches beyond the quantile at which tails are compared.
_LIMIT = 0.01
# Services between waits, and between times that are looked back; and how many services are looked
# back so finely. Further back, times lie apart by a ratio.
_STEP, _FINE, _RATIO = 0.25, 16.0, 1.12
# Waits up to which they lie apart by a step, and how many lie beyond.
_NEAR_WAITS, _FAR_WAITS = 8.0, 60
# Deviations of a count within which it is looked at, and the least chance that counts.
_DEVIATIONS, _NEVER = 12.0, 1e-12
# Services over which a steady rate is one: of less, it is a single batch.
_LEAST_WINDOW = 2.0
# Times that a queue's memory is summed over, and the root of the farthest, in its mean four times.
_PAST, _FARTHEST = 400, 4.0
# Figures of the tables that are made for a station, at most.
_MOST_FIGURES = 4_000_000


def can_count(behind: int, consumers: int) -> bool:
    """Whether counts of so many consumers are worked out: of more they take too much memory."""
    return behind < consumers and 6 * consumers * (behind + 1) <= _MOST_FIGURES


@lru_cache(maxsize=256)
def variation_of_turns(
    load: float, noise: float, behind: int, consumers: int, senders: int, *, steady: bool = False
) -> tuple[float, float]:
    """Squared coefficients of variation that explain the mean wait at a station, and its P99.

    Parameters
    ----------
    load, noise, behind, consumers, senders
        As `arrival_variation.variation_in_turn` takes them.
    steady : bool
        Whether producers send at a steady pace; else at random times (Poisson).

    Returns
    -------
    mean, tail : float
        1 where arrivals are as irregular as Poisson ones, more where batches come in bursts.
    """
    waits, beyond = exceeding_in_turn(load, noise, behind, consumers, senders, steady=steady)
    return variation_explaining(waits, beyond, load, noise)


def variation_explaining(
    waits: Floats, beyond: Floats, load: float, noise: float
) -> tuple[float, float]:
    """Squared coefficients of variation of arrivals that explain a mean wait, and its P99.

    Parameters
    ----------
    waits, beyond : ndarray
        Chances that a batch waits for longer than so many services.
    load, noise : float
        Of the station, and the square of its times' scatter.

    Returns
    -------
    mean, tail : float
    """
    poisson_mean = load * (1 + noise) / (2 * (1 - load))
    ratio = float(np.trapezoid(beyond, waits)) / poisson_mean
    mean = _variation_of_mean(ratio, load, noise)
    if beyond[0] <= _LIMIT:
        return mean, ratio * (1 + noise) - noise
    p99 = float(np.interp(-_LIMIT, -beyond, waits))
    # A share of the waits are Poisson arrivals' ones, stretched: both have the same mean and P99.
    stretch = max(ratio, 1e-3) * np.geomspace(0.1, 100, 601)
    longer = np.minimum(ratio / stretch, 1) * exceeding(
        lambda s: _poisson(s, load, noise), p99 / stretch
    )
    enough = np.flatnonzero(longer >= _LIMIT)
    tail = stretch[enough[0] if enough.size else int(np.argmax(longer))]
    return mean, float(tail) * (1 + noise) - noise


def exceeding_in_turn(
    load: float, noise: float, behind: int, consumers: int, senders: int, *, steady: bool = False
) -> tuple[Floats, Floats]:
    """Chance that a batch waits for longer than so many services.

    Returns
    -------
    waits, chance : ndarray

    Notes
    -----
    Benes' method: a batch waits for longer than w if for some time u back as much work came within
    u as takes u + w, and the station was idle before; the chance is the integral over u of the
    density of that work. It is exact for Poisson arrivals and for periodic ones; here what each
    producer sent within u is counted exactly, by where its turn was, and the chance to be idle is
    taken as one less the rate that producers have before u, given what came since (Norros,
    Roberts, Simonian and Virtamo, "The superposition of variable bit rate sources in an ATM
    multiplexer", IEEE Journal on Selected Areas in Communications 9 (1991), doi 10.1109/49.76636).
    That rate is that of producers whose turns are there. At a steady pace it is that of two
    services, or of a queue that remembers more than a whole round that over what it remembers.
    At random times, work that came t before is missing from the first idle moment since, so that it
    counts as the density of the time from then to that moment. Of Brownian motion, whose waits are
    exponential, that has the transform ``2 / (1 + sqrt(1 + s m))``, where m, four times its mean,
    is twice the variance of a service's work over the square of what a service leaves.
    """
    pace = load * consumers / behind / senders  # batches of a producer in a service
    window = longest_wait_window(load, noise, behind, consumers, senders, steady=steady)
    if steady:
        weight = _latest(pace * (window if window * pace > consumers else _LEAST_WINDOW))
    else:
        (dispersion,) = dispersion_in_turn(np.array([window * pace]), behind, consumers)
        weight = _remembered(pace * 2 * load * float(dispersion + noise) / (1 - load) ** 2)
    tables = _tables(behind, consumers, _past_rate(behind, consumers, weight))
    fine = np.arange(_STEP, _FINE + _STEP / 2, _STEP)
    last = max(6 * consumers / pace, 25 * (1 + noise) / (1 - load) ** 2, 4 * _FINE)
    coarse = _FINE * _RATIO ** np.arange(int(np.log(last / _FINE) / np.log(_RATIO)) + 2)
    looked_back = [
        (time, *_idle_before(time, pace, senders, tables, steady)) for time in (*fine, *coarse)
    ]
    longest = max(20.0, 15 * (1 + noise) / (1 - load))
    while True:
        far = np.round(np.geomspace(_NEAR_WAITS, longest, _FAR_WAITS) / _STEP) * _STEP
        waits = np.unique(np.concatenate([np.arange(0, _NEAR_WAITS, _STEP), far]))
        densities = np.array(
            [_density(counts, chance, time + waits, noise) for time, counts, chance in looked_back]
        )
        near = densities[: fine.size]
        if noise:
            chance = np.trapezoid(near, fine, axis=0) + near[0] * _STEP / 2
        else:  # whole numbers of services, each at one time
            whole = np.isclose((fine[:, None] + waits) % 1, 0)
            chance = np.sum(np.where(whole, near, 0.0), axis=0)
            chance -= np.where((_FINE + waits) % 1 == 0, near[-1] / 2, 0.0)
        chance = chance + np.trapezoid(densities[fine.size :], coarse, axis=0)
        if chance[-1] < _LIMIT / 10 or longest > last:
            return waits, np.minimum.accumulate(np.clip(chance, 0, 1))
        longest *= 4


def _variation_of_mean(ratio: float, load: float, noise: float) -> float:
    """Variation of arrivals whose mean wait is that of Poisson ones times a ratio."""
    wanted = ratio * (1 + noise)
    variation = np.linspace(0, 1, 1001)
    waits = variation + noise * damping(load, variation, noise)
    return float(np.interp(wanted, waits, variation)) if ratio < 1 else wanted - noise


def _poisson(s: Complexes, load: float, noise: float) -> Complexes:
    """Transform of Poisson arrivals' waits, in services (Pollaczek-Khinchine)."""
    busy = np.exp(-np.log(1 + s * noise) / noise) if noise else np.exp(-s)
    return np.asarray((1 - load) * s / (s - load * (1 - busy)))


def _past_rate(behind: int, consumers: int, weight: Floats) -> Floats:
    """Share of the batches that pass the station, of those before each place in a round.

    Of the last batches of a producer, the latest first, as much as each counts.
    """
    passes = (np.arange(consumers) < behind).astype(np.float64)
    whole = np.bincount(np.arange(weight.size) % consumers, weight, consumers)
    return np.real(np.fft.ifft(np.fft.fft(whole) * np.fft.fft(passes)))


def _latest(sent: float) -> Floats:
    """How much each batch counts that came at a steady pace, of the so many latest."""
    return np.asarray(np.clip(sent - np.arange(int(sent) + 1), 0, 1) / sent)


def _remembered(sent: float) -> Floats:
    """How much each batch counts that came at random times, of those that a queue remembers.

    In four times the mean of what it remembers (see `exceeding_in_turn`) so many are sent.
    """
    from scipy.special import erfc, gammaln

    root = (np.arange(_PAST) + 0.5) / _PAST * _FARTHEST  # of a time
    density = np.exp(-(root**2)) / np.sqrt(np.pi) - root * erfc(root)
    density /= density.sum()
    ago = sent * root**2
    back = np.arange(int(ago[-1] + 9 * np.sqrt(ago[-1]) + 20))
    weight = np.zeros(back.size)
    for some in np.array_split(np.arange(_PAST), max(1, _PAST * back.size // _MOST_FIGURES)):
        mean = ago[some, None]
        weight += density[some] @ np.exp(back * np.log(mean) - mean - gammaln(back + 1.0))
    return weight


def _tables(behind: int, consumers: int, rate: Floats) -> Floats:
    """Chance of what passes of up to a round of batches, times powers of the rate before them.

    Returns
    -------
    ndarray, shape (6, consumers, behind + 1)
        By batches sent, and how many of them pass; for powers 0, 1 and 2, of any producer, and of
        the one whose next batch passes.
    """
    place = np.arange(consumers)
    passes = place < behind
    passed = np.concatenate([[0], np.cumsum(np.tile(passes, 2))])
    powers = np.stack([np.ones(consumers), rate, rate**2])
    tables = np.zeros((6, consumers, behind + 1))
    for sent in range(consumers):
        count = passed[place + sent + 1] - passed[place + 1]
        own = passes[(place + sent + 1) % consumers]
        for power, weight in enumerate(powers):
            tables[power, sent] = np.bincount(count, weight, behind + 1) / consumers
            tables[3 + power, sent] = np.bincount(count[own], weight[own], behind + 1) / behind
    return tables


def _idle_before(
    time: float, pace: float, senders: int, tables: Floats, steady: bool
) -> tuple[Floats, Floats]:
    """Numbers of batches that came within a time, and how likely they did after an idle moment."""
    from scipy.special import gammaln, ndtr

    mean_sent = pace * time
    if steady:  # the producer of the batch that arrives has sent whole periods before
        least = int(mean_sent)
        sent = np.array([least, least + 1])
        likely = np.array([1 - mean_sent + least, mean_sent - least])
        parts = np.concatenate(
            [_passed(sent, likely, tables[:3]), _passed(sent, np.array([1.0, 0.0]), tables[3:])]
        )
    else:
        spread = 9 * np.sqrt(mean_sent)
        sent = np.arange(max(int(mean_sent - spread) - 10, 0), int(mean_sent + spread) + 25)
        likely = np.exp(sent * np.log(mean_sent) - mean_sent - gammaln(sent + 1.0))
        parts = _passed(sent, likely, tables)
    count = np.arange(parts.shape[1])
    moments = parts[[0, 3]] @ np.stack([count, count**2], axis=1)
    others = senders - 1
    mean = others * moments[0, 0] + moments[1, 0]
    variance = others * (moments[0, 1] - moments[0, 0] ** 2) + moments[1, 1] - moments[1, 0] ** 2
    length = 1 << int(2 * _DEVIATIONS * np.sqrt(max(variance, 0)) + 64).bit_length()
    # Counts far from their mean hardly occur: those that are alike by the length fall together.
    padded = np.zeros((6, -(-count.size // length) * length))
    padded[:, : count.size] = parts
    any_, rate, square, own, own_rate, own_square = np.fft.rfft(
        padded.reshape(6, -1, length).sum(axis=1), axis=1
    )
    rest = any_**others
    chance, first, second = rest * own, rest * own_rate, rest * own_square
    if others:
        rest = others * any_ ** (others - 1)
        first = first + rest * rate * own
        second = second + rest * (square * own + 2 * rate * own_rate)
    if others > 1:
        second = second + others * (others - 1) * any_ ** (others - 2) * rate**2 * own
    likely, first, second = np.fft.irfft(np.stack([chance, first, second]), length, axis=1)
    lowest = max(int(mean) - length // 2, 0)
    number = lowest + np.arange(length)
    likely, first, second = (part[number % length] for part in (likely, first, second))
    known = likely > _NEVER
    whole = np.where(known, likely, 1.0)
    load = pace * first / whole
    deviation = np.sqrt(np.maximum(pace**2 * second / whole - load**2, _NEVER))
    # Mean of one less the load where that is below one, the load being about normal.
    z = (1 - load) / deviation
    idle = (1 - load) * ndtr(z) + deviation * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return number[known], (likely * idle)[known]


def _passed(sent: npt.NDArray[np.int64], likely: Floats, tables: Floats) -> Floats:
    """Chances of what passes of a random number of batches that a producer sends."""
    kinds, consumers, most = tables.shape
    rounds = int(sent[-1]) // consumers + 1
    each = np.bincount(sent, likely, rounds * consumers).reshape(rounds, consumers)
    parts = np.zeros((kinds, rounds * (most - 1) + 1))
    for at in np.flatnonzero(each.any(axis=1)):
        begin = at * (most - 1)
        parts[:, begin : begin + most] += np.tensordot(each[at], tables, (0, 1))
    return parts


def _density(counts: Floats, chance: Floats, work: Floats, noise: float) -> Floats:
    """Density of the work, in services, of batches whose number is random."""
    from scipy.special import gammaln

    if not noise:
        if not counts.size:
            return np.zeros(work.size)
        return np.interp(work, counts, chance, left=0.0, right=0.0)
    some = counts > 0
    shape = counts[some] / noise
    log = np.multiply.outer(np.log(work / noise), shape - 1) - (work / noise)[:, None]
    return np.asarray(np.exp(log - gammaln(shape) - np.log(noise)) @ chance[some])
