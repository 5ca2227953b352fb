"""Intervals that ask nothing of a distribution but that the repeats are independent.

A bootstrap of five repeats claims more than it holds; the ranks of so few say exactly what they
do.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LEVEL = 0.95

#: Repeats from which ranks hold a median with 95 %.
ENOUGH = 6


class Interval(NamedTuple):
    """An interval, and the chance with which it holds what it is for.

    Attributes
    ----------
    low, high : float
        NaN where the values are too few for any.
    chance : float
        At least `LEVEL` where enough values are there.
    """

    low: float
    high: float
    chance: float

    @property
    def ends(self) -> tuple[float, float]:
        """Low and high alone."""
        return self.low, self.high

    @property
    def one_sided(self) -> float:
        """The chance of not lying below the low end, or not above the high one."""
        return (1 + self.chance) / 2


NONE = Interval(math.nan, math.nan, 0.0)

# Pairs up to which the orders are counted one by one.
_MOST_PAIRS = 2_500


def median_interval(values: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """Return the ranks between which the median of independent repeats lies.

    How many of n values lie below the median is binomial with one half, whatever their
    distribution: the narrowest pair of ranks that holds it with `level` is taken, and the lowest
    and the highest where none does, as with fewer than six values and 95 % (W. R. Thompson,
    Annals of Mathematical Statistics 7, 1936).

    Parameters
    ----------
    values : array_like
        One a repeat or a process; at least one.
    level : float

    Returns
    -------
    Interval
        Of a single value that value, with chance 0.

    Raises
    ------
    ValueError
        If there is no value.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if not n:
        raise ValueError("an interval needs at least one value")
    if n == 1:
        return Interval(float(ordered[0]), float(ordered[0]), 0.0)
    outside = np.cumsum([math.comb(n, i) for i in range(n // 2)]) / 2 ** (n - 1)
    cut = max(0, int(np.searchsorted(outside, 1 - level, side="right")) - 1)
    return Interval(float(ordered[cut]), float(ordered[n - 1 - cut]), 1 - float(outside[cut]))


def ratio_interval(
    a: npt.ArrayLike, b: npt.ArrayLike, level: float = LEVEL
) -> tuple[float, Interval]:
    """Return by how much `b` is larger than `a`: the median ratio of all pairs, and its interval.

    The bounds are those ratios that a rank-sum test would not reject, exact for any shape that
    both share (J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 34, 1963).

    Parameters
    ----------
    a, b : array_like
        One positive value a repeat.
    level : float

    Returns
    -------
    (float, Interval)
        `NONE` where so few repeats cannot show any difference at this level: fewer than four
        on both sides for 95 %.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    ratios = np.sort((second[:, None] / first[None, :]).ravel())
    ratio = float(np.median(ratios))
    if min(first.size, second.size) < 2:  # one value alone says nothing of its spread
        return ratio, NONE
    outside = _outside(*sorted((first.size, second.size)))
    cut = int(np.searchsorted(outside, 1 - level, side="right")) - 1
    if cut < 0:
        return ratio, NONE
    return ratio, Interval(
        float(ratios[cut]), float(ratios[ratios.size - 1 - cut]), 1 - float(outside[cut])
    )


@cache
def _outside(m: int, n: int) -> npt.NDArray[np.float64]:
    """Return with which chance at most so many, or all but so many, of m n pairs are inverted.

    That is where m and n values come from one distribution (H. B. Mann and D. R. Whitney,
    Annals of Mathematical Statistics 18, 1947). Their orders by inversions are the coefficients
    of a Gaussian binomial; where they are many, the sum is normal to all that matters.
    """
    at_most = np.arange(m * n // 2)
    if m * n > _MOST_PAIRS:
        from statistics import NormalDist

        normal = NormalDist(m * n / 2, math.sqrt(m * n * (m + n + 1) / 12))
        return np.array([2 * normal.cdf(inverted + 0.5) for inverted in at_most])
    orders = np.zeros(m * n + 1, dtype=object)
    orders[0] = 1
    for i in range(1, m + 1):
        orders[n + i :] -= orders[: max(0, m * n + 1 - n - i)].copy()
        for start in range(i):
            orders[start::i] = np.cumsum(orders[start::i])
    counts = np.cumsum(orders)[: at_most.size]
    return np.array([2 * count / math.comb(m + n, m) for count in counts], dtype=float)
