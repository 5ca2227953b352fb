"""Folds: which points each fit leaves out, in between and at the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: The interior sizes are left out in so many turns.
TURNS = 3
#: Ends are cut off above the largest size over each of these.
CUTS = (2.0, 4.0, 8.0, 16.0)
#: What is predicted beyond a cut reaches so many times its largest size.
REACH = 4.0
#: Points that a cut must leave.
_LEAST = 4
# The cut nearest to the end tells most of what lies beyond it: weights fall by e from one to the
# next.
_FADE = 1.0


class Folds(NamedTuple):
    """Folds of m points; the first leaves none out.

    Attributes
    ----------
    kept : ndarray of bool, shape (folds, m)
    asked : ndarray of bool, shape (folds, m)
        Points whose held-out error counts.
    beyond : ndarray of bool, shape (folds,)
        Whether a fold leaves out the end.
    """

    kept: Flags
    asked: Flags
    beyond: Flags

    @property
    def cut_weights(self) -> Floats:
        """Weight of each point asked for beyond a cut, in the order of the folds.

        Notes
        -----
        The later the origin of a forecast, the more it counts, as in discounted least squares:
        Brown 1963, Smoothing, Forecasting and Prediction of Discrete Time Series.
        """
        counts = self.asked[self.beyond].sum(axis=1)
        weights = np.exp(-np.arange(counts.size) / _FADE) / np.maximum(counts, 1)
        return np.asarray(np.repeat(weights, counts))


def folds_of(n: Floats, octave: Floats) -> Folds:
    """Divide the points.

    Parameters
    ----------
    n, octave : ndarray, shape (m,)
        Sizes, ascending, and their base-2 logarithm.
    """
    m = n.size
    kept, beyond = [np.ones(m, dtype=bool)], [False]
    asked = [np.zeros(m, dtype=bool)]
    inner = np.arange(1, m - 1)
    turns = TURNS if m > 2 * TURNS else inner.size
    for turn in range(turns if m > 3 else 0):
        left = np.ones(m, dtype=bool)
        left[inner[turn::turns]] = False
        kept.append(left)
        asked.append(~left)
        beyond.append(False)
    for cut in CUTS:
        left = octave <= octave[-1] - np.log2(cut)
        if left.sum() >= _LEAST and not any(np.array_equal(left, other) for other in kept):
            last = octave[left][-1]
            kept.append(left)
            asked.append(~left & (octave <= last + np.log2(REACH)))
            beyond.append(True)
    return Folds(np.array(kept), np.array(asked), np.array(beyond))
