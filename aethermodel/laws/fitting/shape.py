"""Shape: one law fitted to all points, its free figures refined, with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.fit.regression import relative_nnls, scaled_inverse
from aethermodel.laws.families.free_figures import free_values, gradient, moved
from aethermodel.laws.families.search import Terms
from aethermodel.laws.families.terms import design

Floats = NDArray[np.float64]

_STEPS = 8
# A figure that one step moves by less is found.
_FOUND = 1e-4


@dataclass(frozen=True)
class Shape:
    """A law fitted to points.

    Attributes
    ----------
    terms : tuple of Term
    coefficients : ndarray, shape (terms,)
    rows : ndarray, shape (m, parameters)
        Relative derivative of the law at the points by coefficients and free figures, times the
        root of each point's weight.
    residual : ndarray, shape (m,)
        Measured over law less one, times the root of the weight.
    """

    terms: Terms
    coefficients: Floats
    rows: Floats
    residual: Floats

    @cached_property
    def square_sum(self) -> float:
        """Weighted sum of squared relative residuals."""
        return float(self.residual @ self.residual)

    @cached_property
    def inverse(self) -> Floats:
        """Covariance of coefficients and free figures for points of variance 1 over weight."""
        rows = self.rows.copy()
        # A cost held at zero takes no part.
        rows[:, : self.coefficients.size] *= self.coefficients > 0
        return scaled_inverse(rows)


def shape_of(
    terms: Terms, n: Floats, seconds: Floats, weights: Floats, second: Floats | None = None
) -> Shape:
    """Fit the coefficients of a law, and move its free figures to where it misses least.

    Parameters
    ----------
    terms : tuple of Term
        The structure, its free figures near their best.
    n, seconds, weights : ndarray, shape (m,)
        Weights are those of squared relative errors.

    Notes
    -----
    Gauss-Newton steps for knees: Muggeo 2003, doi 10.1002/sim.1545; for exponents alike.
    """
    root = np.sqrt(weights)
    best = _fitted(terms, n, seconds, root, second)
    damping = 1.0
    for _ in range(_STEPS):
        free = free_values(best.terms)
        if not free or damping < 0.05:
            break
        solved = np.linalg.lstsq(best.rows, best.residual, rcond=1e-10)[0]
        step = np.asarray(solved[-len(free) :], dtype=np.float64)
        changed = _stepped(best.terms, free, step * damping, n)
        if changed is None:
            damping /= 4
            continue
        trial = _fitted(changed, n, seconds, root, second)
        still = np.all(np.abs(step * damping) < _FOUND * np.abs(free))
        if trial.square_sum < best.square_sum:
            best = trial
        else:
            damping /= 4
        if still:
            break
    return best


def _stepped(terms: Terms, free: list[float], step: Floats, n: Floats) -> Terms | None:
    """Move all free figures; None where knees would meet or leave the sizes."""
    above = n[n > 0]
    targets = []
    for value, by in zip(free, step, strict=True):
        # A knee at most doubles or halves in a step, and stays where sizes are on both sides.
        target = float(np.clip(value + by, min(value / 2, value * 2), max(value / 2, value * 2)))
        targets.append(target)
    knees = [t for v, t in zip(free, targets, strict=True) if _is_knee(terms, v)]
    if knees != sorted(knees) or any(not above[0] < knee < above[-1] for knee in knees):
        return None
    for low, high in pairwise(knees):
        if np.sum((n > low) & (n <= high)) < 1:
            return None
    changed = terms
    # Through values that no figure has, so that none is moved twice.
    for index, value in enumerate(free):
        changed = moved(changed, value, -1e300 - index * 1e290)
    for index, target in enumerate(targets):
        changed = moved(changed, -1e300 - index * 1e290, target)
    return changed


def _is_knee(terms: Terms, value: float) -> bool:
    return any(term.kind == "ramp" and value in (term.first, term.last) for term in terms)


def _fitted(terms: Terms, n: Floats, seconds: Floats, root: Floats, second: Floats | None) -> Shape:
    columns = design(terms, n, second)
    # A term that no point shows cannot be weighed against the others.
    values, _, _ = relative_nnls(columns, seconds, root)
    law, rows = gradient(terms, values, n, second)
    return Shape(terms, values, rows * root[:, None], root * (seconds / law - 1))
