"""Samples of a term: one robust location for each batch size."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aethermodel import thresholds

Floats = NDArray[np.float64]

MAD_TO_SIGMA = 1.4826
# Of five repeats, two far from the median: the median itself hangs on one sample.
SPLIT = 0.3


class Timings(NamedTuple):
    """What a probe took, one entry a sample.

    Attributes
    ----------
    n : list of float
        Batch size in events; for the loop the handler calls.
    seconds : list of float
    process : list of int
        The fresh process that each was taken in; empty where that was not recorded.
    """

    n: list[float]
    seconds: list[float]
    process: list[int]


@dataclass(frozen=True)
class Samples:
    """What the repeats say at each distinct batch size.

    Attributes
    ----------
    n : ndarray of float64, shape (m,)
        Distinct batch sizes, ascending, in events.
    seconds : ndarray of float64, shape (m,)
        Robust location of the repeats at each batch size: the median, refined by biweight steps.
    repeats : ndarray of int64, shape (m,)
        Samples at each batch size, outliers included.
    outliers : ndarray of int64, shape (m,)
        Samples at each batch size that lie so far from its median that they carry no weight.
    noise : float
        Relative standard deviation of a single sample that is no outlier; nan without repeats.
    location_variance : float
        Relative variance of a location, times its number of repeats; nan without repeats.
    freedom : int
        Degrees of freedom behind `noise` and `location_variance`.
    """

    n: Floats
    seconds: Floats
    repeats: NDArray[np.int64]
    outliers: NDArray[np.int64]
    noise: float
    location_variance: float
    freedom: int

    @property
    def kept(self) -> NDArray[np.int64]:
        """Samples at each batch size that carry weight, shape (m,); at least 1."""
        return np.asarray(np.maximum(self.repeats - self.outliers, 1))

    @property
    def split(self) -> NDArray[np.bool_]:
        """Sizes whose repeats fall into two camps, so that the median may be in the wrong one."""
        return np.asarray(self.outliers >= SPLIT * self.repeats)


def checked(n: ArrayLike, seconds: ArrayLike) -> tuple[Floats, Floats]:
    """Return batch sizes and times as flat float64 arrays, or say what is wrong with them.

    Parameters
    ----------
    n, seconds : array_like, same shape
        Batch size (events, at least 1) and time (seconds, above 0) of each sample.

    Raises
    ------
    ValueError
        On empty, mismatched, non-numeric, non-finite or non-positive input, fewer than two
        distinct batch sizes, or fewer than three samples.
    """
    try:
        sizes = np.asarray(n, dtype=np.float64)
        times = np.asarray(seconds, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"batch sizes and seconds must be arrays of numbers: {error}") from None
    if sizes.shape != times.shape:
        raise ValueError(f"batch sizes have shape {sizes.shape} but seconds {times.shape}")
    sizes, times = sizes.ravel(), times.ravel()
    if not sizes.size:
        raise ValueError("there is no sample to fit")
    if not np.all(np.isfinite(sizes)) or np.any(sizes < 1):
        raise ValueError("every batch size must be a finite number of at least 1 event")
    if not np.all(np.isfinite(times)) or np.any(times <= 0):
        raise ValueError("every time must be a finite number of seconds above zero")
    if sizes.min() == sizes.max():
        raise ValueError(
            f"all samples are at batch size {sizes[0]:g}: a law in N needs at least two sizes"
        )
    if sizes.size < 3:
        raise ValueError("two samples leave nothing to judge the noise by: measure at least three")
    return sizes, times


def summarise(n: Floats, seconds: Floats, expected: Floats | None = None) -> Samples:
    """Sum up repeats by batch size.

    Parameters
    ----------
    n, seconds : ndarray of float64, shape (samples,)
        As returned by `checked`.
    expected : ndarray of float64, shape (m,), optional
        Where the location of each distinct batch size is looked for, in seconds: at its samples
        nearest to this time, if they are a camp of their own; nan for the median.

    Returns
    -------
    Samples
        The noise is taken to be relative (a sample's deviation grows in proportion to its time)
        and alike at every batch size, so its scale is pooled over all of them.
    """
    order = np.lexsort((seconds, n))
    n, seconds = n[order], seconds[order]
    sizes, start, repeats = np.unique(n, return_index=True, return_counts=True)
    group = np.repeat(np.arange(sizes.size), repeats)
    median = (seconds[start + (repeats - 1) // 2] + seconds[start + repeats // 2]) / 2

    scale = _scale(np.abs(seconds / median[group] - 1), group, start, repeats)
    location = median
    if expected is not None:
        location = _camp(seconds, group, median, expected, scale)
    standing = np.zeros_like(seconds)
    for _ in range(5):
        if scale > 0:
            standing = (seconds - location[group]) / (
                location[group] * scale * thresholds.OUTLIER_CUTOFF
            )
        weight = np.square(np.clip(1 - standing**2, 0, None))
        total = np.bincount(group, weight)
        # An even group split far apart leaves its median without a neighbour: it stays there.
        moved = np.bincount(group, weight * seconds) / np.where(total > 0, total, 1)
        location = np.where(total > 0, moved, median)

    inside = np.abs(standing) < 1
    kept = np.bincount(group, inside)
    outliers = (repeats - kept).astype(np.int64)
    freedom = int(np.sum(np.clip(kept - 1, 0, None)))
    noise = variance = np.nan
    if freedom:
        deviation = (seconds / location[group] - 1)[inside]
        standing = standing[inside]
        noise = float(np.sqrt(np.sum(np.square(deviation)) / freedom))
        # Variance of an M-estimate: E psi^2 / (E psi')^2 (Huber 1981, section 6.4), and by how much
        # it is more where a location has few repeats (section 7.6).
        psi = np.square(1 - standing**2) * deviation
        paired = (kept > 1)[group][inside]
        slopes = ((1 - standing**2) * (1 - 5 * standing**2))[paired]
        slope = np.mean(slopes)
        few = 1 + np.sum(kept > 1) / slopes.size * np.var(slopes) / slope**2
        variance = float(np.sum(np.square(psi)) / freedom / slope**2 * few**2)
    return Samples(sizes, location, repeats, outliers, noise, variance, freedom)


def _camp(
    seconds: Floats, group: NDArray[np.int64], median: Floats, expected: Floats, scale: float
) -> Floats:
    """Sample nearest to the expected time at each batch size, if enough others are near it."""
    location = median.copy()
    for size in np.flatnonzero(np.isfinite(expected)):
        own = seconds[group == size]
        nearest = own[np.argmin(np.abs(own - expected[size]))]
        if np.mean(np.abs(own / nearest - 1) < thresholds.OUTLIER_CUTOFF * scale) > SPLIT:
            location[size] = nearest
    return location


def _scale(
    deviation: Floats,
    group: NDArray[np.int64],
    start: NDArray[np.int64],
    repeats: NDArray[np.int64],
) -> float:
    """Pooled robust standard deviation of relative deviations from each group's own median."""
    # Of an odd group one deviation is zero by construction, and a small group hugs its own median:
    # drop its nearest sample and widen the rest as a variance of r - 1 degrees would be.
    nearest = np.zeros(deviation.size, dtype=bool)
    nearest[start + (repeats - 1) // 2] = True
    use = ~nearest
    if not np.any(use):
        return 0.0
    widened = (deviation * np.sqrt(repeats / np.maximum(repeats - 1, 1))[group])[use]
    median = float(np.median(widened))
    # More than half of the repeats equal (a coarse clock): fall back on the plain deviation.
    return MAD_TO_SIGMA * median if median > 0 else float(np.sqrt(np.mean(np.square(widened))))
