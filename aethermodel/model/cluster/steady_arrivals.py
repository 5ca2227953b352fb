"""Waits of batches from producers that are never idle, and so send at a steady pace."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Points of a wait's distribution, a service apart by so many.
_POINTS = 20
# Chance below which a wait does not count.
_NEVER = 1e-7
# Share of the batches beyond the quantile at which tails are compared.
_LIMIT = 0.01
_HALVINGS = 40


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
        As `aethermodel.model.cluster.arrival_variation.variation_in_turn` returns them.
    """
    if not 0 < load < 1 or (senders == 1 and load < share):
        return 0.0, 0.0
    mean, tail = _of_all(load, senders)
    return max(mean, 1 - share), max(tail, 1 - share)


def _of_all(load: float, senders: int) -> tuple[float, float]:
    if senders == 1:
        return 0.0, 0.0
    waits = np.arange(0, senders, 1 / _POINTS)
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
