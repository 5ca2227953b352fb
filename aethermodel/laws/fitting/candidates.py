"""Candidates: each family fitted on all points and on every fold, with what it misses there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.bottleneck import bottleneck
from aethermodel.laws.families.families import Family, families, more_knees, two_variables
from aethermodel.laws.families.search import Found, search
from aethermodel.laws.families.segments import segmented
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import Term, design
from aethermodel.laws.fitting.folds import Folds
from aethermodel.laws.local_correction import RATIOS, interpolated, smoothed

Floats = NDArray[np.float64]

#: Without correction: the law alone.
ALONE = float("inf")
#: A miss by more than a factor of 1.65 is a miss; how far it goes decides nothing.
CAP = 0.5
_STEPS = 3
_TINY = 1e-300


@dataclass(frozen=True)
class Candidate:
    """A family with or without a local correction.

    Attributes
    ----------
    family : str
    freedom : int
        Numbers estimated, places included.
    terms, coefficients
        Of the fit to all points.
    ratio : float
        Of the local correction; `ALONE` without.
    inside, beyond : ndarray
        Logarithm of measured over predicted at points left out in between and at the end, in the
        order of the folds.
    score : float
        Mean of what is missed in between and of what is missed beyond, each capped: all that was
        left out says alike which law the points obey.
    forecast_score : float
        The same, but of what is missed beyond the cuts nearest to the end count most
        (`Folds.cut_weights`): how the last sizes would have been predicted tells what comes next.
    """

    family: str
    freedom: int
    terms: Terms
    coefficients: Floats
    ratio: float
    inside: Floats
    beyond: Floats
    score: float
    forecast_score: float

    @property
    def key(self) -> tuple[str, int]:
        """What makes two candidates one kind of law."""
        return self.family, self.freedom


def candidates(
    n: Floats,
    seconds: Floats,
    second: Floats | None,
    octave: Floats,
    folds: Folds,
    weights: Floats,
) -> list[Candidate]:
    """Fit every family that the points can carry.

    Parameters
    ----------
    n, seconds : ndarray, shape (m,)
    second : ndarray, shape (m,), optional
        Second variable.
    octave : ndarray, shape (m,)
        Base-2 logarithm of the sizes.
    folds : Folds
    weights : ndarray, shape (m,)
        Weight of each squared relative error.
    """
    weighed = folds.kept * (weights / seconds**2)
    fitted: list[tuple[str, int, Found]] = []
    if second is not None:
        families_of = two_variables(n, second)
    else:
        families_of = families(n, falls=_falls(seconds))
    for family in families_of:
        found = search(family.structures, n, seconds, weighed, second)
        fitted.append((family.name, family.freedom, found))
        if family.name == "knees" and family.freedom == 6:
            third = more_knees(n, found.terms)
            if third is not None:
                fitted.append(("knees", 8, search(third, n, seconds, weighed)))
    if second is None:
        steps = segmented(n, seconds, weighed, _STEPS)
        fitted += [("steps", 3 * count - 1, found) for count, found in steps.items()]
        slower = bottleneck(n, seconds, weighed)
        if slower:
            fitted.append(("bottleneck", 2, slower))
    return _held_out(fitted, n, seconds, second, octave, folds)


def _falls(seconds: Floats) -> bool:
    """Whether the times fall over the sizes, by more than what scatter makes of rising ones."""
    third = max(seconds.size // 3, 1)
    return bool(np.median(seconds[:third]) > 1.25 * seconds.min() and seconds.size > 1)


def _held_out(
    fitted: list[tuple[str, int, Found]],
    n: Floats,
    seconds: Floats,
    second: Floats | None,
    octave: Floats,
    folds: Folds,
) -> list[Candidate]:
    missed = _missed(fitted, n, seconds, second)
    # Of each ratio and fold: errors of all families at the points asked for.
    ratios = (*RATIOS, ALONE) if second is None else (ALONE,)
    inside: dict[float, list[Floats]] = {ratio: [] for ratio in ratios}
    beyond: dict[float, list[Floats]] = {ratio: [] for ratio in ratios}
    for fold in range(1, len(folds.kept)):
        kept, asked = folds.kept[fold], folds.asked[fold]
        own, errors = missed[kept, fold], missed[asked, fold]
        side = beyond if folds.beyond[fold] else inside
        side[ALONE].append(errors)
        if second is None:
            knots = np.stack([smoothed(octave[kept], own, ratio) for ratio in RATIOS], axis=1)
            joined = interpolated(octave[asked], octave[kept], knots)
            for index, ratio in enumerate(RATIOS):
                side[ratio].append(errors - joined[:, index])
    weight = folds.cut_weights
    empty = np.empty((0, len(fitted)))
    result = []
    for ratio in ratios:
        within = np.concatenate(inside[ratio]) if inside[ratio] else empty
        after = np.concatenate(beyond[ratio]) if beyond[ratio] else empty
        scores, forecasts = _scores(within, after, weight)
        for index, (family, freedom, found) in enumerate(fitted):
            result.append(
                Candidate(
                    family,
                    freedom,
                    found.terms[0],
                    found.coefficients[0],
                    ratio,
                    within[:, index],
                    after[:, index],
                    float(scores[index]),
                    float(forecasts[index]),
                )
            )
    return result


def _missed(
    fitted: list[tuple[str, int, Found]], n: Floats, seconds: Floats, second: Floats | None
) -> Floats:
    """Logarithm of measured over law, shape (m, folds, families)."""
    # A term that several laws share is evaluated once.
    index: dict[Term, int] = {}
    for _, _, found in fitted:
        for terms in found.terms:
            for term in terms:
                index.setdefault(term, len(index))
    folds = len(fitted[0][2].terms)
    costs = np.zeros((len(index), folds, len(fitted)))
    for family, (_, _, found) in enumerate(fitted):
        for fold, (terms, coefficients) in enumerate(
            zip(found.terms, found.coefficients, strict=True)
        ):
            for term, coefficient in zip(terms, coefficients.tolist(), strict=True):
                costs[index[term], fold, family] += coefficient
    laws = np.tensordot(design(tuple(index), n, second), costs, axes=1)
    logs = np.log(seconds)[:, None, None]
    return np.asarray(np.clip(logs - np.log(np.maximum(laws, _TINY)), -50, 50))


def _scores(inside: Floats, beyond: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """`Candidate.score` and `Candidate.forecast_score` of each family, shape (families,)."""
    none = np.full(inside.shape[1], np.inf)
    between = np.minimum(np.abs(inside), CAP).mean(axis=0) if len(inside) else none
    if not len(beyond):
        return between, between
    after = np.minimum(np.abs(beyond), CAP)
    plain, faded = after.mean(axis=0), weight @ after / weight.sum()
    if not len(inside):
        return plain, faded
    return (between + plain) / 2, (between + faded) / 2


__all__ = ["ALONE", "Candidate", "Family", "candidates"]
