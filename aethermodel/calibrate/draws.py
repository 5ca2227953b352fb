"""Parameters as uncertain as the fits left them: drawn together, so that answers inherit it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.fits import TermFit
from aethermodel.calibrate.scaling import THREADS

Floats = npt.NDArray[np.float64]
DRAWS = 4000


@dataclass(frozen=True)
class Answer:
    """A figure with its 95 % interval; infinite or nan where there is none.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


def draw_parameters(
    calibration: Calibration, count: int = DRAWS, seed: int = 0
) -> dict[str, Floats]:
    """Draw parameters from the joint distribution of each term's fit.

    Parameters
    ----------
    calibration : Calibration
    count : int
        Draws.
    seed : int
        Equal seeds give equal draws.

    Returns
    -------
    dict of str to ndarray, shape (count,)
        By model name, never below zero. Terms are independent, each has its own probe; but what a
        process is slower or faster by it is in all of them.

    Notes
    -----
    Student's t about the unbounded estimate with the fit's covariance, cut off at zero, as in the
    intervals of `TermFit.predict` (Seber and Lee 2003, section 5.2).
    """
    rng = np.random.default_rng(seed)
    drawn: dict[str, Floats] = {}
    standing = rng.uniform(size=count)
    for term, fit in calibration.laws.items():
        names = calibration.names(term)
        for name, values in _draw(fit, standing, rng).items():
            drawn[names[name][0]] = values
    if scaling := calibration.scaling:
        drawn[THREADS] = np.ones(count)
        drawn["sigma"], drawn["kappa"] = scaling.draws[
            rng.integers(len(scaling.draws), size=count)
        ].T
    return drawn


def _draw(fit: TermFit, standing: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Draw one term's parameters; `standing` is where among all processes each draw stands."""
    count = standing.size
    form = fit.form
    found = [knee for knee, free in zip(form.knees, form.free, strict=True) if free]
    centre = np.concatenate([fit.values, found]) + fit.shift
    # The parameters differ by many powers of ten: factor their correlation, not their covariance.
    scale = np.sqrt(np.diag(fit.covariance))
    safe = np.where(scale > 0, scale, 1)
    values, vectors = np.linalg.eigh(fit.covariance / np.outer(safe, safe))
    root = vectors * np.sqrt(np.clip(values, 0, None)) * safe[:, None]
    normal = rng.standard_normal((count, centre.size)) @ root.T
    spread = np.sqrt(fit.freedom / rng.chisquare(fit.freedom, count))[:, None]
    level = np.ones_like(standing)
    if fit.between.variance:
        deviation = np.sqrt(fit.between.variance * fit.between.weight)
        level += deviation * stdtrit(fit.between.processes - 1, standing)
    drawn = centre + normal * spread
    drawn[:, : fit.values.size] *= level[:, None]
    drawn = np.clip(drawn, 0, None)
    knees = iter(drawn[:, fit.values.size :].T)
    result = {name: drawn[:, index] for index, name in enumerate(form.coefficients)}
    for name, knee, free in zip(form.knee_names, form.knees, form.free, strict=True):
        result[name] = next(knees) if free else np.full(count, knee)
    if form.switch is not None:
        result["Ns"] = np.full(count, form.switch)
    return result


def answer(value: float, draws: npt.ArrayLike, level: float = 0.95) -> Answer:
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
