"""Change points: the steps of a series that stays level between them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# From the median absolute deviation to a standard deviation, of normal noise.
_NORMAL = 1.4826


def change_points(
    values: npt.ArrayLike, variances: npt.ArrayLike | None = None, *, least: float = 0.005
) -> list[int]:
    """Return the places at which a new level begins.

    Parameters
    ----------
    values : array_like, shape (entries,)
        In their order; logarithms, where changes are relative.
    variances : array_like, shape (entries,), optional
        Of each entry by itself.
    least : float
        Standard deviation below which no noise is believed.

    Returns
    -------
    list of int
        Ascending indices above 0.

    Notes
    -----
    The levels minimise::

        sum over levels of sum over its entries of (x_i - mean of the level)^2 / s^2
            + b (levels - 1)

    over all ways to cut the series, by dynamic programming over the place of the last cut
    (optimal partitioning, Jackson et al. 2005, doi 10.1109/LSP.2001.838216). ``s`` is the noise of
    one entry: the median absolute difference of neighbours over sqrt(2), which a few steps do not
    move, at least the entries' own. A cut must win the penalty ``b = t^2``, where t is Student's t
    of so many entries that is passed, in either direction, by chance at one of all places in one of
    a hundred series.
    """
    x = np.asarray(values, dtype=np.float64)
    entries = x.size
    if entries < 3:
        return []
    noise = _noise(x, variances, least)
    penalty = _penalty(entries)
    z = x / noise
    sums = np.concatenate([[0.0], np.cumsum(z)])
    squares = np.concatenate([[0.0], np.cumsum(z * z)])
    best = np.full(entries + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(entries + 1, dtype=int)
    for end in range(1, entries + 1):
        starts = np.arange(end)
        lengths = end - starts
        cost = (squares[end] - squares[starts]) - (sums[end] - sums[starts]) ** 2 / lengths
        total = best[starts] + cost + penalty
        last[end] = int(np.argmin(total))
        best[end] = total[last[end]]
    cuts = []
    end = entries
    while end > 0:
        end = int(last[end])
        cuts.append(end)
    return sorted(cut for cut in cuts if cut > 0)


def _noise(x: Floats, variances: npt.ArrayLike | None, least: float) -> float:
    steps = np.abs(np.diff(x))
    noise = _NORMAL * float(np.median(steps)) / math.sqrt(2)
    own = 0.0
    if variances is not None:
        known = np.asarray(variances, dtype=np.float64)
        known = known[np.isfinite(known)]
        own = math.sqrt(float(np.median(known))) if known.size else 0.0
    return max(noise, own, least)


def _penalty(entries: int) -> float:
    from scipy.special import stdtrit

    # About half of the differences tell as much as independent ones would.
    freedom = max(2.0, 0.6 * (entries - 1))
    return float(stdtrit(freedom, 1 - 0.005 / entries)) ** 2
