"""Shape: one law fitted to all points, its free figures refined, with what is known of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.term_fit.regression import (
    SETTLED,
    relative_nnls,
    scaled_inverse,
    scaled_step,
)
from aethermodel.laws.families.free_figures import BENDS, LEAST_TIME, free_values, gradient, moved
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import design

Floats = NDArray[np.float64]

_STEPS = 8
# Next to a measured size, and more than a numeric derivative's step from it.
_BESIDE = 1e-5
# Within one gap between sizes the law is smooth by its knee: a few steps find the least.
_FEW_STEPS = 4
# Fits whose figures differ by less are one.
_ALIKE = 1e-3
# While knees and exponents still move, costs need not be known better.
_NEARLY = 1e-3
# A figure that one step moves by less is found.
_FOUND = 1e-4


class Fitted(NamedTuple):
    """What a law was fitted to: sizes, times, second variable, and roots of the weights."""

    n: Floats
    seconds: Floats
    second: Floats | None
    root: Floats


@dataclass(frozen=True)
class Shape:
    """A law fitted to points.

    Attributes
    ----------
    terms : tuple of Term
    coefficients : ndarray, shape (terms,)
    columns : ndarray, shape (m, terms)
        Values of the terms at the points.
    at : Fitted
    residual : ndarray, shape (m,)
        Measured over law less one, times the root of the weight.
    others : tuple of Shape
        The same law with a knee in another gap between sizes, where the error has a least value
        as well.
    """

    terms: Terms
    coefficients: Floats
    columns: Floats
    at: Fitted
    residual: Floats
    others: tuple[Shape, ...] = ()

    @cached_property
    def free(self) -> list[float]:
        """Free figures, as `free_values` has them."""
        return free_values(self.terms)

    @cached_property
    def figures(self) -> Floats:
        """Coefficients and free figures."""
        return np.concatenate([self.coefficients, self.free])

    @cached_property
    def rows(self) -> Floats:
        """Relative derivative of the law at the points by its figures, shape (m, figures).

        Times the root of each point's weight.
        """
        n, _, second, root = self.at
        return root[:, None] * gradient(self.terms, self.coefficients, n, second, self.columns)

    @cached_property
    def step(self) -> Floats:
        """Where the figures are to move by the residuals: a step of Gauss and Newton."""
        return scaled_step(self.rows, self.residual)

    @cached_property
    def square_sum(self) -> float:
        """Weighted sum of squared relative residuals."""
        return float(self.residual @ self.residual)

    @property
    def scale(self) -> float:
        """Variance of a point of weight 1, by the scatter about the law."""
        return float(self.square_sum / max(self.residual.size - self.figures.size, 1))

    @cached_property
    def inverse(self) -> Floats:
        """Covariance of coefficients and free figures for points of variance 1 over weight.

        Where a knee may lie on either side of a measured size the estimate is a mixture of two,
        spread by their mean variance.
        """
        sides = list(self._sides())
        own = self._one_sided
        if sides:
            own = np.mean([own, *scaled_inverse(np.stack(sides))], axis=0)
        if not self.others:
            return own
        total, mixed = 1.0, own
        spreads = scaled_inverse(np.stack([other._taken(other.rows) for other in self.others]))
        for other, spread in zip(self.others, spreads, strict=True):
            chance = float(np.exp((self.square_sum - other.square_sum) / (2 * self.scale)))
            moved = other.figures - self.figures
            mixed = mixed + chance * (spread + np.outer(moved, moved) / self.scale)
            total += chance
        return np.asarray(mixed / total)

    @cached_property
    def _one_sided(self) -> Floats:
        return scaled_inverse(self._taken(self.rows))

    def _taken(self, rows: Floats) -> Floats:
        """Rows without those of costs held at zero, which take no part."""
        taken = np.ones(rows.shape[1])
        taken[: self.coefficients.size] = self.coefficients > 0
        return rows * taken

    def _sides(self) -> Iterator[Floats]:
        """`rows`, as taken, beyond each measured size on whose other side a knee lies as likely.

        The law has another derivative by the knee there.
        """
        n, _, second, root = self.at
        spread = np.sqrt(self.scale * np.diag(self._one_sided)[self.coefficients.size :])
        for knee, deviation in zip(self.free, spread, strict=True):
            nearest = float(n[np.argmin(np.abs(n - knee))])
            if not _is_knee(self.terms, knee) or abs(nearest - knee) > deviation:
                continue
            beyond = nearest * (1 + _BESIDE if knee <= nearest else 1 - _BESIDE)
            terms = moved(self.terms, {knee: beyond})
            yield self._taken(root[:, None] * gradient(terms, self.coefficients, n, second))


def shape_of(
    terms: Terms, n: Floats, seconds: Floats, weights: Floats, second: Floats | None = None
) -> Shape:
    """Fit the coefficients of a law, and move its free figures to where it misses least nearby.

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
    at = Fitted(n, seconds, second, np.sqrt(weights))
    return _refined(_fitted(terms, at), _STEPS)


def searched(shape: Shape) -> Shape:
    """Look for better knees beside those of a law, and keep those that are nearly as good.

    The error has a kink wherever a knee passes a measured size, and may have a least value on
    either side of it: in the gaps beside each knee's own.
    """
    best, n = shape, shape.at.n
    others: list[Shape] = []
    for knee in [value for value in best.free if _is_knee(best.terms, value)]:
        for start in _beside(knee, n):
            if knee not in best.free:
                break
            changed = _placed(best.terms, [knee], [start], n)
            if changed is not None:
                trial = _nearly(changed, shape.at, best.coefficients)
                trial = _refined(trial, _FEW_STEPS)
                others.append(trial)
                if trial.square_sum < best.square_sum:
                    others[-1], best = best, trial
    if best.free:
        best = _fitted(best.terms, best.at, best.coefficients)
    return replace(best, others=_apart(best, others))


def _apart(best: Shape, others: list[Shape]) -> tuple[Shape, ...]:
    """Fits that are none of those before them."""
    kept: list[Shape] = []
    for other in others:
        places = np.array(other.free)
        if all(
            len(one.free) == places.size and np.any(np.abs(places - one.free) > _ALIKE * places)
            for one in (best, *kept)
        ):
            kept.append(other)
    return tuple(kept)


def _refined(best: Shape, steps: int) -> Shape:
    damping = 1.0
    for _ in range(steps):
        free = best.free
        if not free or damping < 0.05:
            break
        whole = best.step * damping
        costs, step = whole[: -len(free)], whole[-len(free) :]
        changed = _stepped(best.terms, free, step, best.at.n)
        if changed is None:
            damping /= 4
            continue
        trial = _nearly(changed, best.at, np.maximum(best.coefficients + costs, 0.0))
        still = np.all(np.abs(step) < _FOUND * np.abs(free))
        if trial.square_sum < best.square_sum:
            best = trial
        else:
            damping /= 4
        if still:
            break
    return best


def _stepped(terms: Terms, free: list[float], step: Floats, n: Floats) -> Terms | None:
    """Move all free figures by a step; None where that leads nowhere."""
    # A knee at most doubles or halves in a step, and stays where sizes are on both sides.
    ends = (sorted((value / 2, value * 2)) for value in free)
    wanted = (value + by for value, by in zip(free, step.tolist(), strict=True))
    targets = [min(max(value, low), high) for value, (low, high) in zip(wanted, ends, strict=True)]
    return _placed(terms, free, targets, n)


def _placed(terms: Terms, free: list[float], targets: list[float], n: Floats) -> Terms | None:
    """Move free figures to their targets; None where knees would meet or leave the sizes."""
    knees = [t for v, t in zip(free, targets, strict=True) if _is_knee(terms, v)]
    if knees:
        # Fitted up to each knee: none of two knees alike, nor none or all of those above 0.
        first = int(n[0] <= 0)
        upto = n.searchsorted(knees, side="right").tolist()
        within = n[first] < knees[0] and knees[-1] < n[-1]
        if not within or knees != sorted(knees) or len(set(upto)) < len(upto):
            return None
    return moved(terms, dict(zip(free, targets, strict=True)))


def _beside(knee: float, n: Floats) -> list[float]:
    """Middles of the gaps on both sides of the one that a knee lies in."""
    places = np.append(n[n > 0], np.inf)
    right = int(np.searchsorted(places, knee))
    gaps = [(right - 2, right - 1), (right, right + 1)]
    ends = [(places[a], places[b]) for a, b in gaps if a >= 0 and b < places.size]
    return [float(np.sqrt(low * high)) for low, high in ends if high < np.inf]


def _is_knee(terms: Terms, value: float) -> bool:
    return any(term.kind in BENDS and value in (term.first, term.last) for term in terms)


def _nearly(terms: Terms, at: Fitted, guess: Floats) -> Shape:
    return _fitted(terms, at, guess, _NEARLY)


def _fitted(
    terms: Terms, at: Fitted, guess: Floats | None = None, settled: float = SETTLED
) -> Shape:
    columns = design(terms, at.n, at.second)
    start = None if guess is None else columns @ guess
    # A term that no point shows cannot be weighed against the others.
    values, _, _ = relative_nnls(columns, at.seconds, at.root, start, settled)
    law = np.maximum(columns @ values, LEAST_TIME)
    return Shape(terms, values, columns, at, at.root * (at.seconds / law - 1))
