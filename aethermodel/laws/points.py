"""Points of a curve: one figure for each distinct size, with what is known of its noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.measurements import Series

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """What the rows of a curve say at each distinct size.

    Attributes
    ----------
    n : ndarray, shape (m,)
        Distinct sizes, ascending; 0 is allowed.
    seconds : ndarray, shape (m,)
        Location of the repeats of each size.
    repeats : ndarray, shape (m,)
        Behind each location.
    rounding : ndarray, shape (m,)
        Relative standard deviation that the printed digits leave.
    noise : float
        Relative standard deviation of one repeat; nan where no size has repeats.
    freedom : int
        Degrees of freedom behind `noise`.
    """

    n: Floats
    seconds: Floats
    repeats: Floats
    rounding: Floats
    noise: float
    freedom: int


def points_of(series: Series) -> Points:
    """Sum up the rows of a curve by size.

    Raises
    ------
    InputError
        If nothing is left to fit.
    """
    n = np.asarray(series.sizes, dtype=np.float64).ravel()
    seconds = np.asarray(series.seconds, dtype=np.float64).ravel()
    if n.shape != seconds.shape:
        raise InputError(f"there are {n.size} sizes but {seconds.size} times")
    if not n.size:
        raise InputError("there is no measurement to fit")
    if not np.all(np.isfinite(n)) or np.any(n < 0):
        raise InputError("every size must be a finite number, 0 or above")
    if not np.all(np.isfinite(seconds)) or np.any(seconds <= 0):
        raise InputError("every time must be a finite number of seconds above zero")
    sizes, where, repeats = np.unique(n, return_inverse=True, return_counts=True)
    order = np.lexsort((seconds, where))
    start = np.cumsum(repeats) - repeats
    sorted_seconds = seconds[order]
    median = (sorted_seconds[start + (repeats - 1) // 2] + sorted_seconds[start + repeats // 2]) / 2
    freedom = int(np.sum(repeats - 1))
    noise = float("nan")
    if freedom:
        noise = float(np.sqrt(np.sum((seconds / median[where] - 1) ** 2) / freedom))
    rounding = np.zeros(sizes.size)
    if series.resolution is not None:
        step = np.zeros(sizes.size)
        np.maximum.at(step, where, np.asarray(series.resolution, dtype=np.float64).ravel())
        rounding = step / median / np.sqrt(12)
    return Points(sizes, median, repeats.astype(np.float64), rounding, noise, freedom)
