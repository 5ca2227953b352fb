"""Inversion of Laplace transforms of waiting times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Transform = Callable[[Complexes], Complexes]

# Of the Fourier series, and of what Euler's summation averages; 1e-8 of discretisation error.
_TERMS, _AVERAGED, _DAMPING = 120, 12, 18.4
# So near a quantile is found, as a share of the distribution's scale.
_NEAR = 1e-7


def exceeding(transform: Transform, seconds: npt.ArrayLike) -> Floats:
    """Probability that a non-negative time exceeds each of the given ones.

    Parameters
    ----------
    transform : callable
        Laplace-Stieltjes transform of the time, of complex arrays.
    seconds : array_like
        Above 0.

    Notes
    -----
    Fourier series method with Euler summation: Abate and Whitt, "Numerical inversion of Laplace
    transforms of probability distributions", ORSA Journal on Computing 7 (1995), section 1.
    """
    from scipy.special import comb

    t = np.asarray(seconds, dtype=np.float64)[:, None]
    k = np.arange(_TERMS + _AVERAGED + 1)
    s = np.asarray((_DAMPING + 2j * np.pi * k) / (2 * t), dtype=np.complex128)
    tail = np.real((1 - transform(s)) / s)
    terms = np.where(k == 0, 0.5, (-1.0) ** k) * tail
    partial = np.cumsum(terms, axis=1)[:, _TERMS:]
    weights = comb(_AVERAGED, np.arange(_AVERAGED + 1)) / 2.0**_AVERAGED
    found = np.exp(_DAMPING / 2) / t[:, 0] * (partial @ weights)
    return np.asarray(np.clip(found, 0.0, 1.0))


def quantile(transform: Transform, share: float, scale: float) -> float:
    """Time that a share of the probability does not exceed, in seconds.

    Parameters
    ----------
    transform : callable
    share : float
        Between 0 and 1.
    scale : float
        A time of the distribution's order, such as its mean.
    """
    if not scale > 0:
        return 0.0
    low, high = 0.0, 4 * scale
    while float(exceeding(transform, [high])[0]) > 1 - share:
        low, high = high, 4 * high
        if high > 1e9 * scale:
            return float("inf")
    from scipy.optimize import brentq

    def above(time: float) -> float:
        # Nothing is known of no time at all; all that takes longer is beyond it.
        return float(exceeding(transform, [time])[0]) - (1 - share) if time else share

    return float(brentq(above, low, high, xtol=_NEAR * scale))
