"""Judgement of a fitted law: whether its points scatter more than their own noise explains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from aethermodel.laws.curve_points import Points
from aethermodel.laws.fitting.refined_fit import Shape

Floats = NDArray[np.float64]

#: Below this probability the scatter between sizes is more than repeats and digits explain: one
#: true law in 200 is doubted.
LACK_OF_FIT = 0.005
# Rounding of doubles is no lack of fit.
_LEAST_VARIANCE = 1e-18


class Judgement(NamedTuple):
    """What the points say of a law.

    Attributes
    ----------
    chance : float
        Probability of as much scatter if the law were true; nan where nothing tells the noise.
    variance : float
        Of a point of weight one, relative, by all that is known.
    freedom : float
        Degrees of freedom behind it.
    """

    chance: float
    variance: float
    freedom: float

    @property
    def misfits(self) -> bool:
        """Whether the law does not explain the points."""
        return self.chance < LACK_OF_FIT


def judge(shape: Shape, points: Points, parameters: int) -> Judgement:
    """Weigh the scatter between sizes against that within them.

    Parameters
    ----------
    shape : Shape
        Fitted with weights of 1 over the points' relative variance, where that is known.
    points : Points
    parameters : int
        Numbers estimated from the points, places included.

    Notes
    -----
    F-test of lack of fit: Seber and Lee 2003, Linear Regression Analysis, section 4.6.
    """
    between_freedom = points.n.size - parameters
    between = shape.square_sum / max(between_freedom, 1)
    known = bool(np.all(np.isfinite(points.deviation)))
    if not known or (not points.freedom and not np.any(points.rounding > 0)):
        return Judgement(float("nan"), between, max(between_freedom, 1))
    if between_freedom < 1:
        return Judgement(1.0, 1.0, max(points.freedom, 1))
    if np.all(np.abs(shape.residual) ** 2 <= _LEAST_VARIANCE * weight_scale(points)):
        return Judgement(1.0, 1.0, max(points.freedom, 1))
    chance = _chance(shape.square_sum, points, between_freedom)
    if chance < LACK_OF_FIT:
        return Judgement(chance, between, between_freedom)
    total = points.freedom + between_freedom
    # Both say how noisy the points are; where only digits are known, the scatter alone does.
    pooled = (points.freedom + shape.square_sum) / total if points.freedom else between
    return Judgement(chance, pooled, total)


def most_chance(square_sum: float, points: Points, parameters: int) -> float:
    """Chance that a law may have at most if it misses no less than `square_sum`.

    Simpler laws miss no less than what they were made from, and the simplest has one parameter: a
    law that is not explained by this chance will not be by any way of simplifying it.

    Parameters
    ----------
    square_sum : float
        Of relative errors, weighed as in `judge`.
    points : Points
    parameters : int
        Numbers estimated at most.
    """
    m = points.n.size
    if m <= parameters or square_sum <= m * _LEAST_VARIANCE * weight_scale(points):
        return 1.0
    return _chance(square_sum, points, m - 1)


def least_of_rising(points: Points, weights: Floats) -> float:
    """Least weighted sum of squared relative errors of any law that never falls.

    Notes
    -----
    Relative errors ``t / T - 1`` are linear in ``1 / T``, so that the least is that of an isotonic
    regression: Barlow and others 1972, Statistical Inference under Order Restrictions.
    """
    from scipy.optimize import isotonic_regression

    found = isotonic_regression(
        1 / points.seconds, weights=weights * points.seconds**2, increasing=False
    )
    return float(np.sum(weights * (points.seconds * found.x - 1) ** 2))


def _chance(square_sum: float, points: Points, between_freedom: int) -> float:
    if points.freedom:
        return float(fdtrc(between_freedom, points.freedom, square_sum / between_freedom))
    return float(chdtrc(between_freedom, square_sum))


def weight_scale(points: Points) -> float:
    """Largest weight of a point, for comparing residuals with rounding of doubles."""
    return float(np.max(1 / np.maximum(points.deviation, 1e-12) ** 2))
