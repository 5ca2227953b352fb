"""Local correction: what the points miss a law by, joined or smoothed over the octaves.

The logarithm of measured over law is taken for a random walk over log size, seen with noise.
Without noise its expectation joins the points by straight lines in log-log and keeps the last one
beyond them; with noise it smooths them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Variance of the noise over that of the walk in one octave: from joining to almost no correction.
RATIOS = (0.0, 0.25, 1.0, 4.0)
# Sizes that differ by next to nothing are repeats; a walk of no length would have no noise.
_LEAST_GAP = 1e-3


def octaves(n: Floats, measured: Floats) -> Floats:
    """Base-2 logarithm of sizes `n`; 0 lies one octave below the least measured size above it."""
    above = measured[measured > 0]
    least = float(above.min()) / 2 if above.size else 0.5
    return np.asarray(np.log2(np.maximum(n, least)))


def smoothed(octave: Floats, missed: Floats, ratio: float) -> Floats:
    """Expectation of the walk at the points.

    Parameters
    ----------
    octave : ndarray, shape (m,)
        Base-2 logarithm of the sizes, ascending.
    missed : ndarray, shape (m, k)
        Logarithm of measured over law, for k laws.
    ratio : float
        One of `RATIOS`.

    Returns
    -------
    ndarray, shape (m, k)

    Notes
    -----
    Precision of a random walk with diffuse start, tridiagonal: Rue and Held 2005, Gaussian Markov
    Random Fields, section 3.3.1.
    """
    if not ratio or octave.size < 2:
        return missed
    from scipy.linalg.lapack import dptsv

    pull = ratio / np.maximum(np.diff(octave), _LEAST_GAP)
    diagonal = np.ones(octave.size)
    diagonal[:-1] += pull
    diagonal[1:] += pull
    # Positive definite, whatever the sizes.
    _, _, solved, _ = dptsv(diagonal, -pull, missed)
    return np.asarray(solved)


def interpolated(at: Floats, octave: Floats, values: Floats) -> Floats:
    """Join values by straight lines, constant beyond the ends.

    Parameters
    ----------
    at : ndarray, shape (a,)
    octave : ndarray, shape (m,)
    values : ndarray, shape (m, ...)

    Returns
    -------
    ndarray, shape (a, ...)
    """
    if octave.size == 1:
        return np.broadcast_to(values, (at.size, *values.shape[1:]))
    right = np.clip(np.searchsorted(octave, at), 1, octave.size - 1)
    width = octave[right] - octave[right - 1]
    share = np.clip((at - octave[right - 1]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return np.asarray(values[right - 1] * (1 - share) + values[right] * share)
