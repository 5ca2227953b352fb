"""Selection: the law with the least error at sizes left out, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.curve_points import Points
from aethermodel.laws.families.free_figures import free_values
from aethermodel.laws.families.terms import design
from aethermodel.laws.fitting.candidates import ALONE, Candidate
from aethermodel.laws.fitting.judgement import (
    LACK_OF_FIT,
    Judgement,
    judge,
    least_of_rising,
    most_chance,
)
from aethermodel.laws.fitting.knee_merging import fitted, merged
from aethermodel.laws.fitting.refined_fit import Shape, searched

Floats = NDArray[np.float64]

#: Held-out errors this close say nothing about which law is nearer: the simpler one is taken.
TIE = 1.2
#: Laws whose held-out error is so many times the least are none that the points might obey.
_POSSIBLE = 1.5
#: Misses of a millionth are rounding of doubles, whichever law has them.
EQUAL = 1e-6
# Laws judged by their repeats at most; each takes a fit.
_TRIED = 6
#: Laws that a prediction is the middle of where none holds. The middle of several forecasts is
#: better than the best of them: Clemen 1989, doi 10.1016/0169-2070(89)90012-5.
MEMBERS = 8
#: Without repeats a law that half of the sizes miss by more may hold in noise, or not at all.
NEAR = 0.1
# A law that is not among the nearest, but simpler, is taken if its repeats explain it with ease.
_EXPLAINED = 0.1
# A law that misses twice as much as the best is no peer of it.
_PEERS = 2.0
_LEAST_DEVIATION = 1e-7
_TINY = 1e-300


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes
    ----------
    candidate : Candidate
    shape : Shape
        Its fit to all points.
    judgement : Judgement
    holds : bool
    structure : bool
        Whether what it misses follows the size, so that joining the points predicts better.
    members : tuple of Candidate
        The best of each kind, for predictions where no law holds.
    """

    candidate: Candidate
    shape: Shape
    judgement: Judgement
    holds: bool
    structure: bool
    members: tuple[Candidate, ...]


def choose(tried: list[Candidate], points: Points, weights: Floats) -> Choice:
    """Choose a law.

    Parameters
    ----------
    tried : list of Candidate
        Of all families, with and without correction.
    points : Points
    weights : ndarray, shape (m,)
        Of squared relative errors, where nothing better is known.
    """
    m = points.n.size
    least = min(one.score for one in tried)
    alone = [one for one in tried if one.ratio == ALONE and one.freedom < max(m, 3)]
    if not np.isfinite(least):
        return _untested(alone, points, weights)
    best = min(one.score for one in alone)
    possible = sorted(
        (one for one in alone if one.score <= _POSSIBLE * best + EQUAL),
        key=lambda one: (one.freedom, one.score),
    )
    simple = [one for one in possible if one.score <= TIE * best + EQUAL]
    # What the points miss a law by follows the size where joining them predicts better.
    structure = best > TIE * least + EQUAL
    members = _members(tried)
    exact, known = _known_weights(points)
    rounded = not known and bool(np.all(points.rounding > 0))
    if known or rounded:
        # Cut ends may lie within a step, where no steps are seen: the law that fits best of all.
        closest = min(alone, key=lambda one: _far(one, points, exact))
        nearest = (*simple, closest)
        first = possible[:_TRIED]
        wanted = [
            (one, LACK_OF_FIT if rounded or one in nearest else _EXPLAINED)
            for one in (first if closest in first else (*first, closest))
        ]
        held = _explained(wanted, points, exact)
        if held:
            return Choice(*held, True, structure, members)
    candidate = simple[0]
    shape = merged(fitted(candidate.terms, points, weights), points, weights)
    judgement = judge(shape, points, _numbers(candidate, shape))
    near = float(np.median(np.abs(candidate.inside))) <= NEAR if candidate.inside.size else True
    holds = not known and not structure and near
    return Choice(candidate, shape, judgement, holds, structure, members)


def _explained(
    wanted: list[tuple[Candidate, float]], points: Points, weights: Floats
) -> tuple[Candidate, Shape, Judgement] | None:
    """First law that is as likely as it is wanted to be, None without one.

    Most that do not hold are seen not to before they are simplified, or even fitted.
    """
    rising: float | None = None
    for candidate, chance in wanted:
        most = points, candidate.freedom
        bounded = rising is not None and all(term.rises for term in candidate.terms)
        if bounded and most_chance(rising or 0.0, *most) < chance:
            continue
        shape = fitted(candidate.terms, points, weights)
        if most_chance(shape.square_sum, *most) < chance:
            shape = searched(shape)
        if most_chance(shape.square_sum, *most) >= chance:
            shape = merged(shape, points, weights)
            judgement = judge(shape, points, _numbers(candidate, shape))
            if judgement.chance >= chance:
                return candidate, shape, judgement
        if rising is None and points.second is None:
            rising = least_of_rising(points, weights)
    return None


def _numbers(candidate: Candidate, shape: Shape) -> int:
    """Numbers estimated: a search that ended in a simpler law has still searched."""
    return min(candidate.freedom, shape.coefficients.size + len(free_values(shape.terms)) + 1)


def _far(one: Candidate, points: Points, weights: Floats) -> float:
    """Weighted squared error, in logarithms, of a law a point that it leaves free."""
    law = design(one.terms, points.n, points.second) @ one.coefficients
    error = float(np.sum(weights * np.log(np.maximum(law, _TINY) / points.seconds) ** 2))
    return error / max(points.n.size - one.freedom, 1)


def _known_weights(points: Points) -> tuple[Floats, bool]:
    """Weights by the points' own variance, and whether that is known."""
    known = bool(np.all(np.isfinite(points.deviation))) and points.freedom > 0
    deviation = np.maximum(np.nan_to_num(points.deviation, nan=1.0), _LEAST_DEVIATION)
    return 1 / deviation**2, known


def _members(tried: list[Candidate]) -> tuple[Candidate, ...]:
    kinds: dict[tuple[str, int], Candidate] = {}
    for one in sorted(tried, key=lambda one: one.forecast_score):
        kinds.setdefault(one.key, one)
    best = list(kinds.values())[:MEMBERS]
    most = _PEERS * best[0].forecast_score + EQUAL
    return tuple(one for one in best if one.forecast_score <= most)


def _untested(alone: list[Candidate], points: Points, weights: Floats) -> Choice:
    """Choose where no size can be spared: the simplest law that goes through the points."""
    exact, known = _known_weights(points)
    weighed = exact if known else weights
    shapes = [(one, merged(fitted(one.terms, points, weighed), points, weighed)) for one in alone]
    if known:
        judged = [(one, shape, judge(shape, points, one.freedom)) for one, shape in shapes]
        for one, shape, judgement in judged:
            if not judgement.misfits:
                return Choice(one, shape, judgement, True, False, (one,))
    least = min(shape.square_sum for _, shape in shapes)
    one, shape = next((one, shape) for one, shape in shapes if shape.square_sum <= 2 * least + 1e-6)
    judgement = judge(shape, points, one.freedom)
    return Choice(one, shape, judgement, not judgement.misfits, False, (one,))
