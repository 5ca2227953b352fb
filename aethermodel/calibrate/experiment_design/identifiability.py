"""Identifiability of a fit's parameters, and the measurement that would help."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from aethermodel import thresholds
from aethermodel.calibrate.experiment_design.next_point import next_point
from aethermodel.calibrate.term_fit.fit_term import TermFit
from aethermodel.calibrate.term_fit.model_selection import splits
from aethermodel.text.percentages import percentage


@dataclass(frozen=True)
class Identifiability:
    """What a sweep says about the parameters of a law.

    Attributes
    ----------
    condition : float
        Condition number of the design, its columns scaled to unit length; inf if two coincide.
    confused : tuple of (str, str)
        Pairs of parameters that cannot be told apart.
    measure_next : float or None
        Batch size that helps most, in events; None where nothing is amiss.
    warnings : tuple of str
        One plain sentence for each finding.
    """

    condition: float
    confused: tuple[tuple[str, str], ...]
    measure_next: float | None
    warnings: tuple[str, ...]


def identify(fit: TermFit) -> Identifiability:
    """Check what the samples of a fit can and cannot tell.

    Parameters
    ----------
    fit : TermFit
        The fit to check.

    Returns
    -------
    Identifiability
    """
    rows = fit.form.gradient(fit.samples.n, fit.values)
    rows = rows * (np.sqrt(fit.samples.kept) / fit.predict(fit.samples.n)[0])[:, None]
    norm = np.linalg.norm(rows, axis=0)
    singular = np.linalg.svd(rows / np.where(norm > 0, norm, 1), compute_uv=False)
    full = singular.size == rows.shape[1] and singular[-1] > 1e-12
    condition = float(singular[0] / singular[-1]) if full else float("inf")

    found = [name for name, free in zip(fit.form.knee_names, fit.form.free, strict=True) if free]
    confused = _confused(fit, (*fit.form.coefficients, *found))
    warnings: list[str] = []
    helpful: float | None = None
    if confused or condition > thresholds.HARMFUL_CONDITION:
        helpful = next_point(fit).n
        for one, other in confused:
            warnings.append(
                f"{one} and {other} cannot be told apart by this sweep; measure N = {helpful:,.10g}"
            )
        if not confused:
            warnings.append(
                f"the design is nearly degenerate (condition {condition:.0f}); "
                f"measure N = {helpful:,.10g}"
            )
    if fit.form.per_event and _may_be_zero(fit, "c1"):
        helpful = helpful or next_point(fit).n
        warnings.append(
            "c1, the growth with N, cannot be distinguished from zero up to "
            f"N = {fit.samples.n[-1]:,.10g}; measure N = {helpful:,.10g}"
        )
    for knee in fit.unseen_knees:
        beyond = _across(fit, knee)
        helpful = helpful or beyond
        warnings.append(
            f"a knee at N = {knee:,.10g} is not covered by this sweep; measure N = {beyond:,.10g}"
        )
    if fit.outlier_share >= thresholds.MANY_OUTLIERS:
        warnings.append(
            f"{percentage(fit.outlier_share, 0)} of the samples are outliers, "
            "which no interval of a new observation covers"
        )
    if fit.chosen.regression.moved > thresholds.UNSETTLED_LAW:
        warnings.append(
            "the fit did not settle: its last round of weights still moved the law "
            f"by {percentage(fit.chosen.regression.moved)}"
        )
    chance = fit.chosen.noise.lack_of_fit
    if fit.chosen.misfits:
        warnings.append(
            "batch sizes scatter about the law more than their repeats explain "
            f"({_probability(chance)}): intervals are widened, the law may bend elsewhere"
        )
    return Identifiability(condition, confused, helpful, tuple(warnings))


def _probability(chance: float) -> str:
    return "probability below 0.001" if chance < 0.001 else f"probability {chance:.3f}"


def _may_be_zero(fit: TermFit, name: str) -> bool:
    """Whether zero lies in a coefficient's interval as it is without the bound at zero.

    The bounded interval reaches down to the estimate, so to zero, wherever a constant was chosen.
    """
    at = fit.form.coefficients.index(name)
    centre = float(fit.values[at] + fit.shift[at])
    half = np.hypot(fit.half[at], fit.between.half(fit.values[at], fit.level))
    return bool(centre <= half)


def _confused(fit: TermFit, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    deviation = np.sqrt(np.diag(fit.covariance))
    scale = np.outer(deviation, deviation)
    correlation = np.divide(fit.covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return tuple(
        (names[one], names[other])
        for one, other in combinations(range(len(names)), 2)
        if abs(correlation[one, other]) > thresholds.CONFUSED
    )


def _across(fit: TermFit, knee: float) -> float:
    """Batch size that gives a knee its samples on the side that has too few."""
    n = fit.samples.n
    if splits(np.append(n, [2 * knee, 4 * knee]), knee):
        return 2 * knee if np.sum(n > knee) == 0 else 4 * knee
    return max(1.0, float(np.floor(knee / 2)))
