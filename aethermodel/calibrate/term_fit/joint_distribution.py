"""Joint distribution of a law's parameters: Student's t without negative costs.

A draw below zero is moved to the nearest one that is not, by the measure that the fit itself
minimised: the draw is fitted again under the fit's own constraint. Where the samples know a sum of
two costs but not its parts, a draw with one part below zero so keeps the sum. Cutting each part off
by itself would lose it.
"""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, ndtri

Floats = NDArray[np.float64]
# Their roots are irrational, and no sum of multiples of them is a whole number.
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
# Standard deviations to either side that the spread of Student's t is tabled for, and points.
_FURTHEST, _TABLED = 7.0, 141
# Keeps the inverse of a correlation finite where two parameters are known as a sum alone.
_RIDGE = 1e-12


def student(count: int, dimensions: int, freedom: float, rng: np.random.Generator) -> Floats:
    """Draw from the multivariate t of unit scale, evenly: its tails hold what they should.

    Of a thousand independent draws the ends of a 95 % interval stray by a tenth of their distance
    from the middle, and with a seed that is always the same always to the same side.

    Parameters
    ----------
    count : int
    dimensions : int
    freedom : float
        Degrees of freedom, one chi-square for all dimensions of a draw.
    rng : numpy.random.Generator
        Moves the whole set of points, and puts it in an order of its own: two sets drawn one after
        the other are independent.

    Returns
    -------
    ndarray, shape (count, dimensions)

    Notes
    -----
    Kronecker sequence of roots of primes: Niederreiter 1992, Random Number Generation and
    Quasi-Monte Carlo Methods, chapter 3; for the multivariate t: Genz and Bretz 2009, Computation
    of Multivariate Normal and t Probabilities, chapter 4.
    """
    even = min(dimensions, len(_PRIMES) - 1)
    steps = np.sqrt(np.array(_PRIMES[: even + 1], dtype=np.float64))
    place = (np.arange(count)[:, None] * steps + rng.random(even + 1)) % 1
    # A place at 0 would be infinitely far out.
    normal = ndtri(np.clip(place[rng.permutation(count)], 1e-12, 1 - 1e-12))
    # Quantiles of chi-square cost a hundred times those of the normal, and are smooth in them.
    table = np.linspace(-_FURTHEST, _FURTHEST, _TABLED)
    spread = np.log(freedom / chdtri(freedom, ndtr(table))) / 2
    spread = np.exp(np.interp(normal[:, :1], table, spread))
    further = rng.standard_normal((count, dimensions - even))
    return np.asarray(np.hstack([normal[:, 1:], further]) * spread)


def draw(
    centre: Floats,
    covariance: Floats,
    freedom: float,
    costs: int,
    count: int,
    rng: np.random.Generator,
) -> tuple[Floats, int]:
    """Draw parameters about an unbounded estimate, none of the costs below zero.

    Parameters
    ----------
    centre : ndarray, shape (parameters,)
        The estimate as it were without bounds.
    covariance : ndarray, shape (parameters, parameters)
    freedom : float
        Degrees of freedom of Student's t.
    costs : int
        The first so many parameters are never negative.
    count : int
        Draws.
    rng : numpy.random.Generator

    Returns
    -------
    drawn : ndarray, shape (count, parameters)
    moved : int
        Draws that the bounds moved.

    Notes
    -----
    Multivariate t: Kotz and Nadarajah 2004. The projection of a normal estimate onto a convex cone
    in its own metric is the constrained estimate: Silvapulle and Sen 2005, Constrained Statistical
    Inference, section 3.4.
    """
    # The parameters differ by many powers of ten: factor their correlation, not their covariance.
    scale = np.sqrt(np.diag(covariance))
    safe = np.where(scale > 0, scale, 1.0)
    correlation = covariance / np.outer(safe, safe)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    drawn = centre / safe + student(count, centre.size, freedom, rng) @ root.T * (scale > 0)
    below = np.any(drawn[:, :costs] < 0, axis=1)
    if np.any(below):
        drawn[below] = _projected(drawn[below], correlation, np.flatnonzero(scale[:costs] > 0))
    drawn[:, :costs] = np.maximum(drawn[:, :costs], 0)
    return drawn * safe, int(below.sum())


def _projected(drawn: Floats, correlation: Floats, costs: NDArray[np.int64]) -> Floats:
    """Nearest points without a negative cost: of the few sets of costs at zero, the right one.

    With the costs of a set at zero the nearest point is the conditional mean; it is the nearest of
    all where no other cost is below zero and no cost of the set would rather be above.
    """
    best = np.full(len(drawn), np.inf)
    result = drawn.copy()
    sizes = range(1, len(costs) + 1)
    for held in map(list, chain.from_iterable(combinations(costs, size) for size in sizes)):
        inner = correlation[np.ix_(held, held)] + _RIDGE * np.eye(len(held))
        pull = np.linalg.solve(inner, drawn[:, held].T).T
        moved = drawn - pull @ correlation[held]
        moved[:, held] = 0.0
        wrong = np.maximum(pull.max(axis=1), (-moved[:, costs]).max(axis=1))
        better = wrong < best
        result[better], best[better] = moved[better], wrong[better]
    return result
