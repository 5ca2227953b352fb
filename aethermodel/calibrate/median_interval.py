"""Where the true median lies, by the order of what was seen alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom


def median_interval(values: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return the narrowest pair of order statistics that holds the median with a probability.

    Parameters
    ----------
    values : array_like
        Independent observations, such as one figure a process; at least one.
    level : float
        Probability wanted. Where so few values cannot give it (five give 94 %, three 75 %), the
        least and the greatest are returned.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there is no value.

    Notes
    -----
    Each value lies below the median with probability 1/2, whatever the distribution, so the k-th
    from either end hold it between them with 1 - 2 P(B < k), B binomial (David & Nagaraja, Order
    Statistics, 7.1).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not ordered.size:
        raise ValueError("an interval needs at least one value")
    cut = 0
    while 2 * (cut + 1) < ordered.size and (
        1 - 2 * float(binom.cdf(cut + 1, ordered.size, 0.5)) >= level
    ):
        cut += 1
    return float(ordered[cut]), float(ordered[-1 - cut])
