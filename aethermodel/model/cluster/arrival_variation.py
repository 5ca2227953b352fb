"""Variation of arrivals: of batches that go to consumers in turn, or come at a steady pace."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Windows over which counts are compared, in service times.
_WINDOWS = np.geomspace(1e-2, 1e6, 161)
# Points of a wait's distribution, a service apart by so many.
_POINTS = 20
# Chance below which a wait does not count.
_NEVER = 1e-7
# Share of the batches up to which it is as if they came at random.
_FEW = 0.01
# Share of the batches beyond the quantile at which tails are compared.
_LIMIT = 0.01
# Halvings that find a bound.
_HALVINGS = 40


def variation_in_turn(
    load: float, noise: float, behind: int, consumers: int, senders: int
) -> tuple[float, float]:
    """Squared coefficients of variation that explain the mean wait at a station, and its P99.

    Parameters
    ----------
    load : float
        Of the station, below 1.
    noise : float
        Squared coefficient of variation of its service times.
    behind : int
        Consumers, one after the other, whose batches pass it.
    consumers : int
        Of all.
    senders : int
        Producers, each of which begins its turns anywhere.

    Returns
    -------
    mean, tail : float
        1 where arrivals are as irregular as Poisson ones. Long waits take long windows, over which
        turns are more regular.

    Notes
    -----
    Robust queueing: with ``I(x)`` the index of dispersion of the arrivals counted in x service
    times, the mean wait is ``sup { -(1 - load) x / load + sqrt(2 x (I(x) + noise)) }`` service
    times, and with ``2 log(1 / p)`` in place of 2 the wait that a share p exceeds (Whitt and You,
    "Using robust queueing to expose the impact of dependence in single-server queues", Operations
    Research 66 (2018), doi 10.1287/opre.2017.1649). Where that
    window is shorter than a service, one service tells: a batch waits for what came within it.
    """
    if not 0 < load < 1:
        return 1.0, 1.0
    dispersion, drift = _turns(load, behind, consumers, senders)

    def explained(unlikely: float) -> float:
        poisson = _wait(1.0, noise, drift, unlikely)
        if _WINDOWS[np.argmax(poisson)] < 1:
            return float(dispersion[np.argmax(_WINDOWS >= 1)])
        ratio = float(_wait(dispersion, noise, drift, unlikely).max() / poisson.max())
        return float(np.clip((1 + noise) * ratio - noise, 0.0, None))

    return explained(1.0), explained(np.log(100.0))


def longest_wait_window(
    load: float, noise: float, behind: int, consumers: int, senders: int, *, steady: bool = False
) -> float:
    """Services over which arrivals in turn decide the mean wait (see `variation_in_turn`)."""
    dispersion, drift = _turns(load, behind, consumers, senders, steady=steady)
    return float(_WINDOWS[np.argmax(_wait(dispersion, noise, drift, 1.0))])


def _turns(
    load: float, behind: int, consumers: int, senders: int, *, steady: bool = False
) -> tuple[Floats, Floats]:
    """Index of dispersion of turns over each window, and what the station works off in it."""
    per_sender = load * _WINDOWS * consumers / behind / senders
    dispersion = dispersion_in_turn(per_sender, behind, consumers, steady=steady)
    return dispersion, (1 - load) / load * _WINDOWS


def _wait(dispersion: Floats | float, noise: float, drift: Floats, unlikely: float) -> Floats:
    """Wait that what comes in each window explains."""
    spread = np.broadcast_to(dispersion, _WINDOWS.shape)
    return np.asarray(_excess(_WINDOWS, spread + noise, unlikely) - drift)


def damping(load: Floats | float, variation: Floats, noise: float) -> Floats:
    """Factor of Kraemer and Langenbach-Belz for arrivals more regular than Poisson ones."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = 2 * (1 - load) * (1 - variation) ** 2 / (3 * load * (variation + noise))
    return np.where(variation < 1, np.exp(-np.nan_to_num(power, nan=0.0, posinf=700.0)), 1.0)


def _excess(mean: Floats, dispersion: Floats, unlikely: float) -> Floats:
    """Services beyond the mean that come in a window with a chance of e to the minus `unlikely`.

    Chernoff's bound for the binomial law of that mean and variance, as few steady senders have it;
    where counts vary as Poisson ones do or more, that one's, wider by their deviation.
    """
    less = np.clip(dispersion, 1e-9, 1 - 1e-6)
    trials = mean / (1 - less)

    def exponent(beyond: Floats) -> Floats:
        most = np.minimum(mean + beyond, trials)
        rest = np.maximum(trials - most, 1e-300)
        found = most * np.log(most / mean) + rest * np.log(rest / (trials - mean))
        return np.where(mean + beyond > trials, np.inf, found)

    low, high = np.zeros(mean.size), unlikely + np.sqrt(2 * unlikely * mean)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = exponent(middle) < unlikely
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.asarray(low * np.sqrt(np.maximum(dispersion, 1.0)))


def dispersion_in_turn(
    sent: Floats, behind: int, consumers: int, *, steady: bool = False
) -> Floats:
    """Index of dispersion of the batches that pass a station (variance over mean).

    Parameters
    ----------
    sent : ndarray
        Batches that each producer sends in a window, on average; their number is Poisson.
    behind, consumers : int
        As in `variation_in_turn`.
    steady : bool
        Whether they come at a steady pace: their number is then one of the two next to its mean.

    Notes
    -----
    Of n batches in turn, ``n behind / consumers`` pass on average; what is beyond whole rounds
    varies with where the round began, and of a Poisson number only its rest by a whole round
    counts, whose distribution is a sum over roots of unity.
    """
    if behind == consumers and not steady:
        return np.ones(sent.size)
    share = behind / consumers
    passes = (np.arange(consumers) < behind) - share
    power = np.abs(np.fft.fft(passes)) ** 2 / consumers
    alike = np.real(np.fft.ifft(power))  # covariance of two batches so many turns apart
    rest = np.arange(consumers)
    sums, weighted = np.cumsum(alike), np.cumsum(alike * rest)
    left = np.zeros(consumers)  # variance of what passes of 0, 1, ... batches
    left[1:] = rest[1:] * (2 * sums[:-1] - alike[0]) - 2 * weighted[:-1]
    if steady:
        whole, more = np.floor(sent).astype(np.int64), sent % 1
        varied = (1 - more) * left[whole % consumers] + more * left[(whole + 1) % consumers]
        return np.asarray((varied + share**2 * more * (1 - more)) / (share * sent))
    parts = np.fft.fft(left) / consumers
    roots = np.exp(2j * np.pi * rest / consumers)
    extra = np.real(np.exp(np.outer(sent, roots - 1)) @ parts)
    return np.asarray((share**2 * sent + extra) / (share * sent))


def variation_of_steady(load: float, senders: int, share: float = 1.0) -> tuple[float, float]:
    """Squared coefficients of variation that explain the mean wait at a station, and its P99.

    Parameters
    ----------
    load : float
        Of the station, below 1.
    senders : int
        Each of which sends at the same steady pace, in no step with the others.
    share : float
        Of the batches, any of which comes to this station by chance: over times longer than from
        batch to batch of a sender, that is what varies.

    Returns
    -------
    mean, tail : float
        As `variation_in_turn` returns them.
    """
    if not 0 < load < 1 or (senders == 1 and load < share):
        return 0.0, 0.0
    if share <= _FEW:  # chance alone decides
        return 1 - share, 1 - share
    mean, tail = _of_all(load, senders)
    return max(mean, 1 - share), max(tail, 1 - share)


def _of_all(load: float, senders: int) -> tuple[float, float]:
    if senders == 1:
        return 0.0, 0.0
    # Poisson arrivals' waits, which are longer, lie beyond that in e^-30.
    longest = min(senders, 15 / (1 - load) + 1)
    waits = np.arange(0, longest, 1 / _POINTS)
    beyond = exceeding_steady(waits, senders, load)
    plain = load / (2 * (1 - load))
    mean = min(float(np.trapezoid(beyond, waits)) / plain, 1.0)
    if beyond[0] <= _LIMIT:
        return mean, mean
    p99 = float(np.interp(-_LIMIT, -beyond, waits))
    # A share of the waits are Poisson arrivals' ones, shortened: both have the same P99.
    low, high = mean / 4, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        longer = min(mean / middle, 1.0) * _poisson(p99 / middle, load) > _LIMIT
        low, high = (low, middle) if longer else (middle, high)
    return mean, (low + high) / 2


def exceeding_steady(waits: Floats, senders: int, load: float) -> Floats:
    """Chance that a batch waits for longer than so many services.

    Notes
    -----
    Exact for periodic streams with phases of their own (the queue nD/D/1, by Benes' method): a
    batch finds what the others left. Roberts and Virtamo, "The superposition of periodic cell
    arrival streams in an ATM multiplexer", IEEE Trans. Communications 39 (1991), doi
    10.1109/26.76468.
    """
    from scipy.special import gammaln

    others, period = senders - 1, senders / load
    number = np.arange(1, others + 1, dtype=np.float64)
    chance = np.zeros(waits.size)
    for at, wait in enumerate(waits):
        k = number[number > wait]
        if not k.size:
            break
        part = (k - wait) / period
        log = gammaln(others + 1) - gammaln(k + 1) - gammaln(others - k + 1)
        log += k * np.log(part) + (others - k) * np.log1p(-part)
        chance[at] = np.exp(log) @ ((period - others + wait) / (period - k + wait))
        if chance[at] < _NEVER:
            break
    return np.minimum(chance, 1.0)


def _poisson(wait: float, load: float) -> float:
    """Chance that a wait of Poisson arrivals at a station without scatter exceeds so many services.

    Notes
    -----
    As `exceeding_steady` for endlessly many senders: all sums have positive terms.
    """
    from scipy.special import gammaln

    k = np.arange(np.floor(wait) + 1, np.floor(wait) + 60 + 40 / (1 - load))
    mean = load * (k - wait)
    return float((1 - load) * np.sum(np.exp(k * np.log(mean) - mean - gammaln(k + 1))))
