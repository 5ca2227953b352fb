"""Shape: one law fitted to all points, its free figures refined, with what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.term_fit.regression import relative_nnls, scaled_inverse, scaled_step
from aethermodel.laws.families.free_figures import BENDS, free_values, gradient, moved
from aethermodel.laws.families.search import Terms
from aethermodel.laws.families.terms import design

Floats = NDArray[np.float64]

_STEPS = 8
# Next to a measured size, and more than a numeric derivative's step from it.
_BESIDE = 1e-5
# Within one gap between sizes the law is smooth by its knee: a few steps find the least.
_FEW_STEPS = 4
# Fits whose figures differ by less are one.
_ALIKE = 1e-3
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
    sides : tuple of ndarray
        `rows` with a knee beyond the measured size that it is as likely to lie on the other side
        of; the law has another derivative by it there.
    others : tuple of Shape
        The same law with a knee in another gap between sizes, where the error has a least value
        as well.
    """

    terms: Terms
    coefficients: Floats
    rows: Floats
    residual: Floats
    sides: tuple[Floats, ...] = ()
    others: tuple[Shape, ...] = ()

    @cached_property
    def square_sum(self) -> float:
        """Weighted sum of squared relative residuals."""
        return float(self.residual @ self.residual)

    @cached_property
    def inverse(self) -> Floats:
        """Covariance of coefficients and free figures for points of variance 1 over weight.

        Where a knee may lie on either side of a measured size the estimate is a mixture of two,
        spread by their mean variance.
        """
        # A cost held at zero takes no part.
        taken = np.ones(self.rows.shape[1])
        taken[: self.coefficients.size] = self.coefficients > 0
        inverses = [scaled_inverse(rows * taken) for rows in (self.rows, *self.sides)]
        own = np.mean(inverses, axis=0)
        if not self.others:
            return np.asarray(own)
        total, mixed = 1.0, own
        for other in self.others:
            chance = float(np.exp((self.square_sum - other.square_sum) / (2 * self.scale)))
            moved = other.figures - self.figures
            mixed = mixed + chance * (other.inverse + np.outer(moved, moved) / self.scale)
            total += chance
        return np.asarray(mixed / total)

    @property
    def figures(self) -> Floats:
        """Coefficients and free figures."""
        return np.concatenate([self.coefficients, free_values(self.terms)])

    @property
    def scale(self) -> float:
        """Variance of a point of weight 1, by the scatter about the law."""
        return float(self.square_sum / max(self.rows.shape[0] - self.rows.shape[1], 1))


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

    def fitted(changed: Terms) -> Shape:
        return _fitted(changed, n, seconds, root, second)

    best = _refined(fitted(terms), fitted, n)
    # The error has a kink wherever a knee passes a measured size, and may have a least value on
    # either side of it: look in the gaps beside each knee's own.
    others: list[Shape] = []
    knees = [value for value in free_values(best.terms) if _is_knee(best.terms, value)]
    for knee in knees:
        for start in _beside(knee, n):
            changed = _placed(best.terms, [knee], [start], n)
            if changed is not None and knee in free_values(best.terms):
                trial = _refined(fitted(changed), fitted, n, _FEW_STEPS)
                others.append(trial)
                if trial.square_sum < best.square_sum:
                    others[-1], best = best, trial
    sides = _sides(best, n, root, second)
    return replace(best, sides=sides, others=_apart(best, others))


def _apart(best: Shape, others: list[Shape]) -> tuple[Shape, ...]:
    """Fits that are none of those before them."""
    kept: list[Shape] = []
    for other in others:
        if all(
            other.figures.size == one.figures.size
            and not np.allclose(other.figures, one.figures, rtol=_ALIKE)
            for one in (best, *kept)
        ):
            kept.append(other)
    return tuple(kept)


def _sides(shape: Shape, n: Floats, root: Floats, second: Floats | None) -> tuple[Floats, ...]:
    free = free_values(shape.terms)
    spread = np.sqrt(shape.scale * np.diag(shape.inverse)[shape.coefficients.size :])
    sides = []
    for knee, deviation in zip(free, spread, strict=True):
        nearest = float(n[np.argmin(np.abs(n - knee))])
        if not _is_knee(shape.terms, knee) or abs(nearest - knee) > deviation:
            continue
        beyond = nearest * (1 + _BESIDE if knee <= nearest else 1 - _BESIDE)
        _, rows = gradient(moved(shape.terms, knee, beyond), shape.coefficients, n, second)
        sides.append(rows * root[:, None])
    return tuple(sides)


def _refined(
    best: Shape, fitted: Callable[[Terms], Shape], n: Floats, steps: int = _STEPS
) -> Shape:
    damping = 1.0
    for _ in range(steps):
        free = free_values(best.terms)
        if not free or damping < 0.05:
            break
        step = scaled_step(best.rows, best.residual)[-len(free) :]
        changed = _stepped(best.terms, free, step * damping, n)
        if changed is None:
            damping /= 4
            continue
        trial = fitted(changed)
        still = np.all(np.abs(step * damping) < _FOUND * np.abs(free))
        if trial.square_sum < best.square_sum:
            best = trial
        else:
            damping /= 4
        if still:
            break
    return best


def _stepped(terms: Terms, free: list[float], step: Floats, n: Floats) -> Terms | None:
    """Move all free figures by a step; None where that leads nowhere."""
    targets = []
    for value, by in zip(free, step, strict=True):
        # A knee at most doubles or halves in a step, and stays where sizes are on both sides.
        target = float(np.clip(value + by, min(value / 2, value * 2), max(value / 2, value * 2)))
        targets.append(target)
    return _placed(terms, free, targets, n)


def _placed(terms: Terms, free: list[float], targets: list[float], n: Floats) -> Terms | None:
    """Move free figures to their targets; None where knees would meet or leave the sizes."""
    above = n[n > 0]
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


def _beside(knee: float, n: Floats) -> list[float]:
    """Middles of the gaps on both sides of the one that a knee lies in."""
    places = np.append(n[n > 0], np.inf)
    right = int(np.searchsorted(places, knee))
    gaps = [(right - 2, right - 1), (right, right + 1)]
    ends = [(places[a], places[b]) for a, b in gaps if a >= 0 and b < places.size]
    return [float(np.sqrt(low * high)) for low, high in ends if high < np.inf]


def _is_knee(terms: Terms, value: float) -> bool:
    return any(term.kind in BENDS and value in (term.first, term.last) for term in terms)


def _fitted(terms: Terms, n: Floats, seconds: Floats, root: Floats, second: Floats | None) -> Shape:
    columns = design(terms, n, second)
    # A term that no point shows cannot be weighed against the others.
    values, _, _ = relative_nnls(columns, seconds, root)
    law, rows = gradient(terms, values, n, second)
    return Shape(terms, values, rows * root[:, None], root * (seconds / law - 1))
