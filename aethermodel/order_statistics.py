"""Order-statistic intervals, which assume only independent repeats.

A bootstrap of five repeats claims more than it holds; the ranks of so few say exactly what they
do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds


class Interval(NamedTuple):
    """An interval, and the chance with which it holds what it is for.

    Attributes
    ----------
    low, high : float
        NaN where the values are too few for any.
    chance : float
        At least `thresholds.LEVEL` where enough values are there.
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


def median_interval(values: npt.ArrayLike, level: float = thresholds.LEVEL) -> Interval:
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


def median_draws(values: npt.ArrayLike, count: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Draw where the median of independent repeats may lie.

    By the same ranks as in `median_interval`: how many values lie below is binomial with one half,
    and between two of them it lies anywhere.

    Parameters
    ----------
    values : array_like
        One a repeat or a process; at least one.
    count, seed : int

    Raises
    ------
    ValueError
        If there is no value.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not ordered.size:
        raise ValueError("a median needs at least one value")
    rng = np.random.default_rng(seed)
    below = rng.binomial(ordered.size, 0.5, count)
    # Beyond the lowest and the highest nothing is known.
    places = np.clip(below - 1 + rng.random(count), 0, ordered.size - 1)
    return np.asarray(np.interp(places, np.arange(ordered.size), ordered))


def shifted_median_interval(
    values: npt.ArrayLike,
    shifts: npt.ArrayLike,
    level: float = thresholds.LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the interval of a median whose repeats all share one error that is known by draws.

    What repeats share moves all of them alike, so that no number of them shows it.

    Parameters
    ----------
    values : array_like
        One a repeat or a process; at least one.
    shifts : array_like
        Draws of what is to be added to all of them; at least one.
    level : float
    seed : int
    """
    both = median_draws(values, thresholds.DRAWS, seed)
    both = both + np.random.default_rng([seed, 1]).choice(np.asarray(shifts), both.size)
    low, high = np.quantile(both, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high
