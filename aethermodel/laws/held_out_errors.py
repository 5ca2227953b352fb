"""Misses: intervals from what the same fit missed at points that it was not shown.

Each interior point was left out once, and the end was cut off several times. What was missed near
a size says how far off a prediction there may be; what was missed beyond the cuts, how far off one
beyond the data may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from aethermodel.laws.fitting.folds import Folds

Floats = NDArray[np.float64]

#: Degrees of freedom of Student's t: a local mean is one of about four points. Of 5,700 sizes left
#: out of 242 published tables, quotients of miss and scale lie by its quantiles from 80 to 99 %.
FREEDOM = 4
# Weights of misses fall by e from one point to the next: four points decide.
_NEIGHBOURS = 1.0
# So many points' weight has the mean over all sizes, which a local mean of few leans on.
_SHARED = 1.0
# Laws that agree where they were tested and part beyond are all possible: twice what the middle
# one of them is off.
_APART = 2.0
#: Below this, misses are rounding of doubles.
LEAST = 1e-9
# Where nothing could be left out: a factor of about two either way at 95 %.
_UNKNOWN = 0.25


@dataclass(frozen=True)
class Misses:
    """What was missed at points left out, as logarithms of measured over predicted.

    Attributes
    ----------
    octave : ndarray, shape (m,)
        Base-2 logarithm of all sizes.
    where : ndarray of int, shape (i,)
        Index of each interior point that was left out.
    inside : ndarray, shape (i,)
        What was missed there, without sign.
    gap : ndarray, shape (i,)
        Octaves without a point that it was predicted across: ``a b / (a + b)`` of the distances
        to its neighbours.
    beyond : ndarray, shape (b,)
        What was missed beyond the cuts, without sign.
    further : ndarray, shape (b,)
        Octaves beyond each cut's largest size.
    weight : ndarray, shape (b,)
        Of each, as `Folds.cut_weights` has it.
    alike : bool
        Whether misses are noise, alike at every size, rather than structure.
    """

    octave: Floats
    where: NDArray[np.int64]
    inside: Floats
    gap: Floats
    beyond: Floats
    further: Floats
    weight: Floats
    alike: bool

    def scale(self, at: Floats, apart: Floats) -> Floats:
        """Mean miss to expect at sizes.

        Parameters
        ----------
        at : ndarray, shape (a,)
            Base-2 logarithm of the sizes.
        apart : ndarray, shape (a,)
            What laws that are as good differ by there.
        """
        if not self.inside.size:
            reach = np.maximum(self.octave[0] - at, at - self.octave[-1])
            return np.asarray(_UNKNOWN * np.sqrt(1 + np.maximum(reach, 0.0)))
        result = np.hypot(self._inside(at), apart)
        last = float(np.mean(self.inside[np.argsort(self.where)[-3:]]))
        first = float(np.mean(self.inside[np.argsort(self.where)[:3]]))
        after, before = at - self.octave[-1], self.octave[0] - at
        result = np.where(after > 0, self._beyond(after, last, apart), result)
        result = np.where(before > 0, self._beyond(before, first, apart), result)
        return np.asarray(np.maximum(result, LEAST))

    def _inside(self, at: Floats) -> Floats:
        """Mean of the misses near a size, wider in wider gaps than were tested."""
        mean = float(np.mean(self.inside))
        right = np.clip(np.searchsorted(self.octave, at), 1, self.octave.size - 1)
        after, before = self.octave[right] - at, at - self.octave[right - 1]
        gap = np.maximum(after * before, 0.0) / np.maximum(after + before, LEAST)
        wider = np.sqrt(np.maximum(gap[:, None] / np.maximum(self.gap, LEAST), 1.0))
        if self.alike:
            return np.full(at.size, mean)
        # Where a size stands among the points, half-way between its neighbours.
        share = before / np.maximum(after + before, LEAST)
        stands = right - 1 + np.clip(share, 0.0, 1.0)
        stands = np.where((share > 0) & (share < 1), right - 0.5, stands)
        distance = np.abs(self.where - stands[:, None]) / _NEIGHBOURS
        weight = np.exp(-distance)
        total = np.sum(weight * self.inside * wider, axis=1) + _SHARED * mean
        return np.asarray(total / (np.sum(weight, axis=1) + _SHARED))

    def _beyond(self, further: Floats, near: float, apart: Floats) -> Floats:
        """Mean of the misses beyond the cuts; a walk goes the further the more octaves it has."""
        further = np.maximum(further, LEAST)
        missed = np.full(further.size, near) * np.sqrt(1 + further)
        if self.beyond.size:
            ratio = np.sqrt(further[:, None] / np.maximum(self.further, 0.1))
            total = np.sum(self.weight * self.beyond * ratio, axis=1) + near
            missed = total / (np.sum(self.weight) + 1)
        return np.asarray(np.sqrt(missed**2 + (_APART * apart) ** 2 + near**2))


def misses_of(
    octave: Floats,
    folds: Folds,
    inside: Sequence[Floats],
    beyond: Sequence[Floats],
    alike: bool,
) -> Misses:
    """Collect what the middle of several laws missed at the points left out.

    Parameters
    ----------
    octave : ndarray, shape (m,)
    folds : Folds
    inside, beyond : sequence of ndarray
        Of each law, in the order of the folds.
    alike : bool
        See `Misses`.
    """
    where, gap, further = [], [], []
    for fold in range(1, len(folds.kept)):
        kept, asked = folds.kept[fold], np.flatnonzero(folds.asked[fold])
        own = octave[kept]
        if folds.beyond[fold]:
            further += (octave[asked] - own[-1]).tolist()
            continue
        right = np.searchsorted(own, octave[asked])
        right = np.clip(right, 1, own.size - 1)
        after, before = own[right] - octave[asked], octave[asked] - own[right - 1]
        gap += (after * before / np.maximum(after + before, LEAST)).tolist()
        where += asked.tolist()
    return Misses(
        octave,
        np.array(where, dtype=np.int64),
        np.abs(np.median(np.stack(inside), axis=0)) if inside else np.empty(0),
        np.array(gap),
        np.abs(np.median(np.stack(beyond), axis=0)) if beyond else np.empty(0),
        np.array(further),
        folds.cut_weights,
        alike,
    )


def quantile(level: float, freedom: float = FREEDOM) -> float:
    """Half-width of the interval of a level, in scales."""
    return float(stdtrit(freedom, (1 + level) / 2))
