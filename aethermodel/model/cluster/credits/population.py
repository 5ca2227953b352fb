"""Population of a closed network: how many batches producers may have away, and how likely."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

#: Cells that batches in flight are counted in, at most.
CELLS = 2048
# What an inverted generating function is sure of, as a share of its largest value.
_SURE = 1e-11
# Figures of a table over tilts and exponents, at most.
_ROOM = 1 << 22


def allowed_away(producers: int, credits: int, step: int, cells: int) -> Floats:
    """Logarithm of the weight of so many batches away from all producers.

    Parameters
    ----------
    producers, credits : int
    step, cells : int
        Batches of a cell, and cells from none on.

    Notes
    -----
    Each batch is any producer's with the same chance, and none has more away than its credits: the
    share of multinomial draws that keep to it.
    """
    from scipy.special import gammaln

    log = -gammaln(np.arange(credits + 1) + 1.0)
    total = np.arange(cells, dtype=np.float64) * step
    if producers * credits <= CELLS:
        ways = _power(log, producers)[:cells]
    else:
        ways = _saddle(log, producers, total)
    share = np.minimum(ways + gammaln(total + 1) - total * np.log(producers), 0.0)
    return np.where(total <= credits, 0.0, share)  # nobody can have more away than all have


def tilt(log: Floats, wanted: float) -> float:
    """Power by which a distribution over cells gets a mean."""
    from scipy.optimize import brentq

    cell = np.arange(log.size)

    def mean(power: float) -> float:
        weight = log + power * cell
        share = np.exp(weight - weight.max())
        return float(share @ cell / share.sum()) - wanted

    low, high = -1.0, 1.0
    while mean(low) > 0 and low > -100:
        low *= 2
    while mean(high) < 0 and high < 100:
        high *= 2
    if mean(low) > 0 or mean(high) < 0:
        return low if mean(low) > 0 else high
    return float(brentq(mean, low, high, xtol=1e-6))


def number_here(others: Floats, allowed: Floats) -> Floats:
    """Logarithm of the weight of so many batches here, over all numbers elsewhere."""
    size = allowed.size
    later = np.concatenate([allowed, np.full(size - 1, -np.inf)])
    sums = np.lib.stride_tricks.sliding_window_view(later, size) + others[:size]
    top = sums.max(axis=1)
    known = np.where(np.isfinite(top), top, 0.0)
    return np.asarray(known + logarithm(np.exp(sums - known[:, None]).sum(axis=1)))


def logarithm(values: Floats) -> Floats:
    """Logarithm, of nothing minus infinity."""
    with np.errstate(divide="ignore"):
        return np.log(values)


def coefficients(generating: Complexes, radius: float, cells: int) -> Floats:
    """Coefficients of a generating function from its values on a circle."""
    found = np.real(np.fft.ifft(generating))[:cells] * radius ** -np.arange(cells)
    return np.asarray(np.where(found < _SURE * found.max(), 0.0, found))


def _power(log: Floats, power: int) -> Floats:
    """Logarithms of the coefficients of a power of a polynomial, from those of its own."""
    result, base = np.zeros(1), log
    while power:
        if power & 1:
            result = _product(result, base)
        power >>= 1
        if power:
            base = _product(base, base)
    return result


def _product(one: Floats, other: Floats) -> Floats:
    """Logarithms of the coefficients of a product of polynomials."""
    found = np.full(one.size + other.size - 1, -np.inf)
    short, long = (one, other) if one.size < other.size else (other, one)
    for at, log in enumerate(short):
        part = found[at : at + long.size]
        np.logaddexp(part, log + long, out=part)
    return found


def _tilted(log: Floats, tilts: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Largest term of a tilted polynomial, sum over that, and mean and spread of its exponents."""
    exponent = np.arange(log.size)
    tilted = log + np.multiply.outer(tilts, exponent)
    top = tilted.max(axis=1)
    chance = np.exp(tilted - top[:, None])
    norm = chance.sum(axis=1)
    chance /= norm[:, None]
    mean = chance @ exponent
    return top, norm, mean, np.maximum(chance @ exponent**2 - mean**2, 1e-6)


def _saddle(log: Floats, power: int, total: Floats) -> Floats:
    """Logarithms of coefficients of a large power of a polynomial, by its saddle point."""
    tilts = np.linspace(-40.0, 40.0, 4001)
    some = max(1, _ROOM // log.size)  # of many credits few tilts at a time, for the memory
    parts = [_tilted(log, tilts[at : at + some]) for at in range(0, tilts.size, some)]
    top, norm, mean, spread = (np.concatenate(column) for column in zip(*parts, strict=True))
    ways = power * (top + np.log(norm) - tilts * mean) - np.log(2 * np.pi * power * spread) / 2
    keep = np.concatenate([[True], np.diff(mean) > 1e-12])
    return np.asarray(np.interp(total / power, mean[keep], ways[keep]))
