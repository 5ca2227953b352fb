"""Student's t for the shift between two groups of runs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Shift(NamedTuple):
    """Difference of two means.

    Attributes
    ----------
    value : float
        Mean of the second group less that of the first.
    error : float
        Standard error; nan where no scatter is known.
    freedom : float
        Degrees of freedom behind the error; infinite where the scatter is given.
    """

    value: float
    error: float
    freedom: float

    def half_width(self, chance: float) -> float:
        """Half an interval that leaves `chance` out on either side."""
        from scipy.special import ndtri, stdtrit

        if math.isnan(self.error):
            return math.nan
        if math.isinf(self.freedom):
            return float(ndtri(1 - chance)) * self.error
        return float(stdtrit(self.freedom, 1 - chance)) * self.error


def shift(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    pooled: bool = False,
    least_variance: float = 0.0,
    variance: float | None = None,
) -> Shift:
    """Return by how much group `b` lies above group `a`.

    Parameters
    ----------
    a, b : array_like
        One value a run.
    pooled : bool
        Whether both groups scatter alike; else each has a scatter of its own. The degrees of
        freedom are those of both together either way: both are runs of one kind of thing, and
        Welch's fewer ones, meant for groups of unlike scatter, would let two or three runs tell
        hardly anything.
    least_variance : float
        Below which the pooled variance of a run is not believed.
    variance : float, optional
        Of a run, where it is known from elsewhere.
    """
    first, second = (np.asarray(group, dtype=np.float64) for group in (a, b))
    value = float(np.mean(second) - np.mean(first))
    counts = 1 / first.size + 1 / second.size
    if variance is not None:
        return Shift(value, math.sqrt(variance * counts), math.inf)
    freedom = first.size + second.size - 2
    if freedom < 1 or (min(first.size, second.size) < 2 and not pooled):
        return Shift(value, math.nan, freedom)
    if pooled:
        squares = sum(float(np.sum((group - group.mean()) ** 2)) for group in (first, second))
        return Shift(
            value, math.sqrt(max(squares / freedom, least_variance) * counts), float(freedom)
        )
    spread = np.var(first, ddof=1) / first.size + np.var(second, ddof=1) / second.size
    return Shift(value, math.sqrt(float(spread)), float(freedom))
