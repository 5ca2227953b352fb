"""Draws of all parameters together, from which answers take their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.term_fit.fit_term import TermFit
from aethermodel.calibrate.term_fit.process_correlation import draw_standings
from aethermodel.calibrate.term_fit.scaling_fit import THREADS

Floats = npt.NDArray[np.float64]
DRAWS = 4000
_LEAST_LEVEL = 1e-3


@dataclass(frozen=True)
class Answer:
    """A figure with its interval; infinite or nan where there is none.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


def draw_parameters(
    calibration: Calibration, count: int = DRAWS, seed: int = 0, *, levels: bool = True
) -> dict[str, Floats]:
    """Draw parameters from the joint distribution of each term's fit.

    Parameters
    ----------
    calibration : Calibration
    count : int
        Draws.
    seed : int
        Equal seeds give equal draws.
    levels : bool
        Whether they hold what processes differ by; else the samples' own noise alone.

    Returns
    -------
    dict of str to ndarray, shape (count,)
        By model name, never below zero. Terms are independent, each has its own probe; but what a
        process is slower or faster by is in several of them, as far as it was.

    Notes
    -----
    Student's t with the fit's covariance, held to costs that are not negative as a whole: what the
    intervals of `TermFit.predict` are made from
    (`aethermodel.calibrate.term_fit.joint_distribution`).
    """
    rng = np.random.default_rng(seed)
    drawn: dict[str, Floats] = {}
    standings = draw_standings([fit.between for fit in calibration.laws.values()], count, rng)
    for (term, fit), standing in zip(calibration.laws.items(), standings, strict=True):
        names = calibration.names(term)
        for name, values in _draw(fit, levels * (standing - 0.5) + 0.5, rng).items():
            drawn[names[name][0]] = values
    if scaling := calibration.scaling:
        drawn[THREADS] = np.ones(count)
        drawn["sigma"], drawn["kappa"] = scaling.draws[
            rng.integers(len(scaling.draws), size=count)
        ].T
    return drawn


def _draw(fit: TermFit, standing: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw one term's parameters; `standing` is where among all processes each draw stands."""
    form, count = fit.form, standing.size
    drawn = fit.draw(count, rng)
    costs = fit.values.size
    # What a process is slower by, all its costs are; a level at or below zero is none.
    drawn[:, :costs] *= np.maximum(1 + fit.between.deviation(standing), _LEAST_LEVEL)[:, None]
    knees = iter(drawn[:, costs:].T)
    result = {name: drawn[:, index] for index, name in enumerate(form.coefficients)}
    for name, knee, free in zip(form.knee_names, form.knees, form.free, strict=True):
        result[name] = np.maximum(next(knees), 1) if free else np.full(count, knee)
    if form.switch is not None:
        result["Ns"] = np.full(count, form.switch)
    return result


def answer(value: float, draws: npt.ArrayLike, level: float = thresholds.LEVEL) -> Answer:
    """Put the interval of the draws around a value.

    Parameters
    ----------
    value : float
        From the estimates themselves.
    draws : array_like
        The same from drawn parameters; nan where a draw has no answer.
    level : float
    """
    values = np.asarray(draws, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not values.size:
        return Answer(value, float("nan"), float("nan"))
    # Of infinite values no quantile can be interpolated.
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(values, tails, method="nearest")
    return Answer(value, float(min(low, value)), float(max(high, value)))
