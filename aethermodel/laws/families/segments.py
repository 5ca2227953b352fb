"""Segments: laws that change slope and level at thresholds, every division weighed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.search import Found
from aethermodel.laws.families.terms import Term

Floats = NDArray[np.float64]

#: Sizes that each segment of a step needs, or it is read off its own noise.
SIDE = 3
# More thresholds than this are not told apart by eye either; of many sizes only some are tried.
_MOST_PLACES = 64


def segmented(n: Floats, seconds: Floats, weights: Floats, most: int) -> dict[int, Found]:
    """Divide the sizes into segments, each with a law ``a + b N`` of its own.

    Parameters
    ----------
    n, seconds : ndarray, shape (m,)
        Ascending sizes and their times.
    weights : ndarray, shape (folds, m)
        Weight of each squared error in each fold; 0 where a point is left out.
    most : int
        Segments at most.

    Returns
    -------
    dict of int to Found
        Best division into so many segments, for 2 to `most`.

    Notes
    -----
    Exact, by dynamic programming over the thresholds: Bellman 1961, On the approximation of
    curves by line segments using dynamic programming, doi 10.1145/366573.366611.
    """
    m = n.size
    edges = np.arange(m + 1)
    if m > _MOST_PLACES:
        inner = np.unique(np.linspace(SIDE, m - SIDE, _MOST_PLACES).astype(int))
        edges = np.concatenate([[0], inner, [m]])
    error, fixed, slope = _costs(n, seconds, weights, edges)
    found: dict[int, list[tuple[tuple[Term, ...], Floats]]] = {}
    last = edges.size - 1
    for fold in range(len(weights)):
        # Best error of the first j edges in k segments, and where the last of them begins.
        best = [error[fold, 0]]
        came: list[NDArray[np.intp]] = []
        for count in range(2, most + 1):
            total = best[-1][:, None] + error[fold]
            start = np.argmin(total, axis=0)
            best.append(total[start, np.arange(edges.size)])
            came.append(start)
            if not np.isfinite(best[-1][last]):
                break
            cuts = [last]
            for starts in reversed(came):
                cuts.append(int(starts[cuts[-1]]))
            cuts = [0, *reversed(cuts)]
            found.setdefault(count, []).append(
                _law(n, edges, cuts, fixed[fold], slope[fold], weights[fold] > 0)
            )
    return {
        count: Found(tuple(law[0] for law in laws), tuple(law[1] for law in laws))
        for count, laws in found.items()
        if len(laws) == len(weights)
    }


def _law(
    n: Floats,
    edges: NDArray[np.intp],
    cuts: list[int],
    fixed: Floats,
    slope: Floats,
    used: NDArray[np.bool_],
) -> tuple[tuple[Term, ...], Floats]:
    terms: list[Term] = []
    values: list[float] = []
    start = 0.0
    for one, other in pairwise(cuts):
        end = float("inf")
        if other != cuts[-1]:
            end = threshold(n, int(edges[other]), used)
        terms += [Term("level", start, end), Term("slope", start, end)]
        values += [float(fixed[one, other]), float(slope[one, other])]
        start = end
    return tuple(terms), np.array(values)


def threshold(n: Floats, first: int, used: NDArray[np.bool_]) -> float:
    """Where a segment begins: anywhere after the last size before; the middle, in ratio."""
    before = n[:first][used[:first]]
    after = n[first:][used[first:]]
    low = float(before[-1]) if before.size else float(n[first - 1])
    high = float(after[0]) if after.size else float(n[first])
    return float(np.sqrt(low * high)) if low > 0 else high / 2


def _costs(
    n: Floats, seconds: Floats, weights: Floats, edges: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Error, level and slope of each segment from one edge to another, shape (folds, e, e)."""

    def sums(values: Floats) -> Floats:
        total = np.concatenate(
            [np.zeros((len(weights), 1)), np.cumsum(weights * values, axis=1)], axis=1
        )[:, edges]
        return np.asarray(total[:, None, :] - total[:, :, None])

    # Centred sizes would keep more digits; in units of the largest they suffice.
    unit = n[-1] if n[-1] > 0 else 1.0
    x = n / unit
    one, sx, sy = sums(np.ones_like(x)), sums(x), sums(seconds)
    sxx, sxy, syy = sums(x * x), sums(x * seconds), sums(seconds**2)
    count = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights > 0, axis=1)], axis=1)[
        :, edges
    ]
    count = count[:, None, :] - count[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = one * sxx - sx**2
        slope = (one * sxy - sx * sy) / determinant
        fixed = (sy - slope * sx) / one
        level = sy / one
        through = sxy / sxx
        flat = ~np.isfinite(slope) | (slope < 0) | (determinant < 1e-12 * one * sxx)
        proportional = ~flat & (fixed < 0)
        slope = np.where(flat, 0.0, np.where(proportional, through, slope))
        fixed = np.where(flat, level, np.where(proportional, 0.0, fixed))
        error = syy - 2 * fixed * sy - 2 * slope * sxy
        error += fixed**2 * one + 2 * fixed * slope * sx + slope**2 * sxx
    error = np.where((count >= SIDE), np.maximum(error, 0.0), np.inf)
    return error, np.nan_to_num(fixed), np.nan_to_num(slope / unit)
