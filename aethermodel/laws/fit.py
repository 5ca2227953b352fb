"""Fit: the law of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.curve_points import Points, does_nothing, grouped, points_of, second_name
from aethermodel.laws.families.families import kind_of
from aethermodel.laws.families.terms import design
from aethermodel.laws.fitted_curve import Member
from aethermodel.laws.fitting.candidates import Candidate, candidates
from aethermodel.laws.fitting.folds import Folds, folds_of
from aethermodel.laws.fitting.selection import NEAR, Choice, choose
from aethermodel.laws.held_out_errors import Misses, misses_of
from aethermodel.laws.law import Law
from aethermodel.laws.law_description import verdict
from aethermodel.laws.law_group import Laws
from aethermodel.laws.law_parameters import parameters_of
from aethermodel.laws.local_correction import smoothed
from aethermodel.readers.measurements import Measurements, Series

Floats = NDArray[np.float64]

# A point known better than to 1 % weighs no more for it: no law is truer than that.
_LEAST_DEVIATION = 0.01
_TINY = 1e-300


def fit(
    measurements: Any,
    size: str | None = None,
    time: str | None = None,
    group: Sequence[str] | str = (),
    *,
    unit: str = "s",
    second: str = "",
    level: float = thresholds.LEVEL,
) -> Laws:
    """Fit the law of each curve.

    Parameters
    ----------
    measurements : Measurements, or a table (pandas, Arrow, polars, dict of arrays)
        A table needs `size` and `time`.
    size, time : str, optional
        Columns of a table.
    group : sequence of str
        Columns of a table that tell its curves apart.
    unit : {"s", "ms", "us", "ns"}
        Of a table's times.
    second : str
        Column of a table that is a second variable of the law, such as its threads.
    level : float
        Confidence of the intervals of the parameters.

    Returns
    -------
    Laws
        By the name of the curve.

    Raises
    ------
    InputError
        If a curve cannot be fitted; names source and curve.
    """
    if not isinstance(measurements, Measurements):
        if size is None or time is None:
            raise InputError("a table needs the names of its columns of size and time")
        measurements = Measurements.from_frame(
            measurements, size=size, time=time, group=group, unit=unit, second=second
        )
    laws = {}
    for series in measurements.series:
        try:
            laws[series.name] = fit_series(series, measurements, level=level)
        except InputError as error:
            where = ": ".join(part for part in (measurements.source, series.name) if part)
            raise InputError(f"{where}: {error}") from None
    return Laws(laws)


def fit_series(
    series: Series, of: Measurements | None = None, *, level: float = thresholds.LEVEL
) -> Law:
    """Fit the law of one curve.

    Parameters
    ----------
    series : Series
    of : Measurements, optional
        What it belongs to, for names and units.
    level : float
        Confidence of the intervals of the parameters.

    Raises
    ------
    InputError
        If the rows are no sizes and times.
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level!r}")
    everything = points_of(series)
    nothing = does_nothing(everything)
    points = grouped(everything[everything.n > 0] if nothing else everything)
    folds = folds_of(points.n, points.octaves)
    weights = _weights(points)
    tried = candidates(points.n, points.seconds, points.second, points.octaves, folds, weights)
    choice = choose(tried, points, weights)
    repeated = points.freedom > 0
    members, misses = _predictors(choice, points, folds, repeated)
    family, interpolates = _family(choice, points)
    unit = of.size_unit if of else ""
    parameters, covariance = parameters_of(choice, points, unit, level)
    law = Law(
        name=series.name,
        family=family,
        parameters=parameters,
        smallest=float(everything.n[0]),
        largest=float(everything.n[-1]),
        sizes=everything.n,
        means=everything.seconds,
        holds=choice.holds,
        interpolates=interpolates,
        size_name=of.size_name if of else "n",
        size_unit=unit,
        time_kind=of.time_kind if of else "per operation",
        source=of.source if of else "",
        verdict=(),
        terms=choice.shape.terms,
        coefficients=choice.shape.coefficients,
        covariance=covariance,
        noise=_new_noise(choice, points),
        freedom=float(max(choice.judgement.freedom, 1)),
        members=members,
        misses=misses,
        between=(points.between.variance, points.between.weight, float(points.between.processes)),
        level=level,
        second_name=second_name(series),
        second=np.empty(0) if everything.second is None else everything.second,
        seconds_of_nothing=float(everything.seconds[0]) if nothing else None,
        notes=of.notes if of else (),
    )
    return verdict(law, choice, points)


def _weights(points: Points) -> Floats:
    deviation = np.nan_to_num(points.deviation, nan=0.0)
    return np.asarray(_LEAST_DEVIATION**2 / (deviation**2 + _LEAST_DEVIATION**2))


def _new_noise(choice: Choice, points: Points) -> float:
    """Relative standard deviation of one new measurement about the mean."""
    if not points.freedom:
        return float("nan")
    # Repeats and the scatter of sizes together say how noisy a sample is, where the law holds.
    factor = np.sqrt(choice.judgement.variance) if choice.holds else 1.0
    return float(points.noise * factor)


def _predictors(
    choice: Choice, points: Points, folds: Folds, repeated: bool
) -> tuple[tuple[Member, ...], Misses | None]:
    """What predicts, and what its intervals are made from."""
    alone = Member(choice.shape.terms, choice.shape.coefficients, np.empty(0))
    if choice.holds and repeated:
        return (alone,), None
    if points.second is not None:
        one = choice.candidate
        # Neighbours in size differ in the second variable: no local mean has a meaning.
        return (alone,), misses_of(points.octaves, folds, [one.inside], [one.beyond], alike=True)
    # Without repeats a law holds as far as one can tell; the middle of several is nearer still.
    members = tuple(_corrected(one, points) for one in choice.members)
    inside = [one.inside for one in choice.members]
    beyond = [one.beyond for one in choice.members]
    return members, misses_of(points.octaves, folds, inside, beyond, alike=False)


def _corrected(one: Candidate, points: Points) -> Member:
    offsets = np.empty(0)
    if np.isfinite(one.ratio):
        law = np.maximum(design(one.terms, points.n) @ one.coefficients, _TINY)
        missed = np.log(points.seconds) - np.log(law)
        offsets = smoothed(points.octaves, missed[:, None], one.ratio)[:, 0]
    return Member(one.terms, one.coefficients, offsets)


def _family(choice: Choice, points: Points) -> tuple[str, bool]:
    """Name of the family, and whether predictions join the points."""
    own = kind_of(choice.shape.terms, choice.candidate.family)
    if choice.holds:
        return own, False
    law = design(choice.shape.terms, points.n, points.second) @ choice.shape.coefficients
    far = float(np.median(np.abs(np.log(np.maximum(law, _TINY) / points.seconds))))
    joins = points.second is None and len(choice.members) > 1
    if far <= NEAR:
        return own, joins
    return ("interpolation" if choice.structure and joins else "none"), joins
