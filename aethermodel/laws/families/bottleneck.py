"""Bottleneck: the slower of a fixed cost and a cost an event, as of messages that overlap.

Where the two follow each other they add up (affine). Where they overlap, as a card's work on each
message does with the bytes on the wire, only the slower one shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.search import Found
from aethermodel.laws.families.terms import Term

Floats = NDArray[np.float64]

#: Sizes that show the fixed cost; less, and any two points would be of this law.
SIDE = 3
# A last size that alone takes longer shows growth where it stands out so many times as far as the
# others scatter.
_STANDS_OUT = 4.0
_TINY = 1e-300
# Of more places than this for the change only some are tried.
_MOST_PLACES = 64


def bottleneck(n: Floats, seconds: Floats, weights: Floats) -> Found | None:
    """Fit ``max(a, b N)`` on every fold.

    Parameters
    ----------
    n, seconds : ndarray, shape (m,)
        Ascending sizes and their times.
    weights : ndarray, shape (folds, m)
        Weight of each squared error in each fold; 0 where a point is left out.

    Returns
    -------
    Found or None
        None where all points together show no change from one cost to the other. A fold that shows
        none has a constant.

    Notes
    -----
    Each division of the sizes gives a mean time before and a mean cost an event behind it; of the
    laws that they make, the one with the least error is the best, unless the change is at a
    measured size itself.
    """
    places = np.arange(SIDE, n.size)
    places = places[n[places] > 0]
    if not places.size:
        return None
    if places.size > _MOST_PLACES:
        places = places[np.linspace(0, places.size - 1, _MOST_PLACES).astype(int)]
    terms, coefficients = [], []
    for fold, weight in enumerate(weights):
        kept = weight > 0
        change, fixed = _fold(n[kept], seconds[kept], weight[kept], n[places])
        if not fold and not np.isfinite(change):
            return None
        terms.append((Term("bottleneck", change),))
        coefficients.append(np.array([fixed]))
    return Found(tuple(terms), tuple(coefficients))


def _fold(n: Floats, seconds: Floats, weight: Floats, places: Floats) -> tuple[float, float]:
    """Size at which the cost an event takes over, infinite without one, and the fixed cost."""
    constant = float(weight @ seconds / weight.sum())
    before = n < places[:, None]
    before = before[(before.sum(axis=1) >= SIDE) & ~before[:, -1]]
    if not len(before):
        return float("inf"), constant
    fixed = (before @ (weight * seconds)) / (before @ weight)
    slope = (~before @ (weight * n * seconds)) / (~before @ (weight * n * n))
    law = np.maximum(fixed[:, None], slope[:, None] * n)
    error = np.sum(weight * (seconds - law) ** 2, axis=1)
    changes = fixed / np.maximum(slope, _TINY)
    # Where the slope is such that fewer sizes show the fixed cost, it is none of theirs.
    error[n[min(SIDE, n.size) - 1] >= changes] = np.inf
    best = int(np.argmin(error))
    change, level = float(changes[best]), float(fixed[best])
    flat = n < change
    scatter = float(np.sqrt(np.mean((seconds[flat] / level - 1) ** 2))) if flat.any() else 0.0
    if not np.isfinite(error[best]) or n[-1] / change - 1 <= _STANDS_OUT * scatter:
        return float("inf"), constant
    return change, level
