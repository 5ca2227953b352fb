"""Merging: knees that the points cannot tell apart are one segment, costs of nothing go."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.curve_points import Points
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import Term, design
from aethermodel.laws.fitting.refined_fit import Shape, searched, shape_of

Floats = NDArray[np.float64]

# A cost that is nowhere a millionth of the time is rounding of doubles.
_NOTHING = 1e-6
_TINY = 1e-300
# Slopes of neighbours that differ by less than so many standard deviations are one slope.
_TOLD_APART = 2.0


def fitted(terms: Terms, points: Points, weights: Floats) -> Shape:
    """Fit a law to points, by weights of squared relative errors."""
    return shape_of(terms, points.n, points.seconds, weights, points.second)


def merged(shape: Shape, points: Points, weights: Floats) -> Shape:
    """Take out of a law what its points do not show.

    Parameters
    ----------
    shape : Shape
        Its fit.
    points : Points
    weights : ndarray, shape (m,)
        Of squared relative errors.
    """
    shape = searched(shape)
    while (simpler := _without_alike(shape, points.n.size)) is not None:
        shape = searched(fitted(simpler, points, weights))
    law = design(shape.terms, points.n, points.second) * shape.coefficients
    share = np.max(law / np.maximum(law.sum(axis=1, keepdims=True), _TINY), axis=0)
    kept = tuple(term for term, one in zip(shape.terms, share, strict=True) if one > _NOTHING)
    if kept and len(kept) < len(shape.terms):
        shape = searched(fitted(kept, points, weights))
    return shape


def _without_alike(shape: Shape, m: int) -> Terms | None:
    """Return the terms with the two most alike neighbouring slopes as one, None if none are."""
    ramps = [index for index, term in enumerate(shape.terms) if term.kind == "ramp"]
    if len(ramps) < 2:
        return None
    freedom = max(m - shape.figures.size, 1)
    inverse = shape.inverse * shape.square_sum / freedom
    best, closest = _TOLD_APART, None
    for one, other in pairwise(ramps):
        difference = abs(shape.coefficients[one] - shape.coefficients[other])
        variance = inverse[one, one] + inverse[other, other] - 2 * inverse[one, other]
        ratio = difference / np.sqrt(variance) if variance > 0 else np.inf
        if difference == 0:
            ratio = 0.0
        if ratio < best:
            best, closest = ratio, (one, other)
    if closest is None:
        return None
    one, other = closest
    joined = Term("ramp", shape.terms[one].first, shape.terms[other].last)
    return (*shape.terms[:one], joined, *shape.terms[other + 1 :])
