"""Model selection: the candidate law with the least error on held-out sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from aethermodel import thresholds
from aethermodel.calibrate.term_fit.candidate_laws import Form
from aethermodel.calibrate.term_fit.knees import find_knee
from aethermodel.calibrate.term_fit.regression import Regression, regress, scaled_inverse
from aethermodel.calibrate.term_fit.samples import Samples

Floats = NDArray[np.float64]

# A given knee needs sizes on either side, or its rise is read off a single point.
KNEE_SIDE = 2


@dataclass(frozen=True)
class Noise:
    """Relative noise about a fitted law.

    Attributes
    ----------
    variance : float
        Relative variance of one sample's share in a location.
    freedom : int
        Degrees of freedom behind it.
    sample : float
        Relative standard deviation of a new observation about the law.
    lack_of_fit : float
        Probability of as much scatter between batch sizes if the law were true and the samples
        independent (F-test); nan without repeats.
    """

    variance: float
    freedom: int
    sample: float
    lack_of_fit: float


@dataclass(frozen=True)
class Candidate:
    """A law that was tried.

    Attributes
    ----------
    regression : Regression
        Its fit.
    noise : Noise
        Scatter about it.
    held_out : float
        Root mean square relative error at each batch size when that size, with all its repeats, is
        left out of the fit; inf where one size alone decides a parameter.
    aicc : float
        Corrected Akaike criterion; inf with too few sizes.
    admitted : bool
        Whether its knees, if any, are beyond chance, and its segments can be told apart.
    """

    regression: Regression
    noise: Noise
    held_out: float
    aicc: float
    admitted: bool

    @property
    def form(self) -> Form:
        """The law that was fitted."""
        return self.regression.form

    @property
    def misfits(self) -> bool:
        """Whether the sizes scatter about it more than their repeats explain."""
        return self.noise.lack_of_fit < thresholds.LACK_OF_FIT


def judge_noise(regression: Regression, samples: Samples) -> Noise:
    """Pool the scatter within and between batch sizes, or use the latter where it is larger."""
    between_freedom = samples.n.size - regression.form.freedom
    within, freedom = samples.location_variance, samples.freedom
    if not freedom:
        variance = regression.square_sum / between_freedom
        return Noise(variance, between_freedom, float(np.sqrt(variance)), float("nan"))
    if between_freedom < 1:
        return Noise(within, freedom, samples.noise, 1.0)
    between = regression.square_sum / between_freedom
    # Rounding error alone is no lack of fit.
    ratio = between / max(within, 1e-20)
    chance = float(fdtrc(between_freedom, freedom, ratio))
    if chance < thresholds.LACK_OF_FIT:
        # Repeats of one sitting resemble each other, or the law bends: only the sizes are
        # independent witnesses, and a new observation carries their scatter as well.
        excess = (between - within) / float(samples.kept.mean())
        spread = float(np.sqrt(samples.noise**2 + excess))
        return Noise(between, between_freedom, spread, chance)
    total = freedom + between_freedom
    pooled = (freedom * within + regression.square_sum) / total
    return Noise(pooled, total, samples.noise, chance)


def held_out_errors(regression: Regression, samples: Samples) -> Floats:
    """Relative error at each batch size if it were left out, from the hat matrix without refits.

    Returns
    -------
    ndarray of float64, shape (m,)
        inf where a size alone decides a parameter (Allen 1974, doi 10.1080/00401706.1974.10489157).
    """
    rows = regression.rows
    # A parameter held at zero takes no part in the fit.
    active = np.append(regression.values > 0, np.ones(rows.shape[1] - regression.values.size, bool))
    rows = rows[:, active]
    # Seconds, seconds per event and events differ by many powers of ten.
    norm = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    if np.any(norm == 0):
        return np.full(samples.n.size, np.inf)
    orthogonal, triangular = np.linalg.qr(rows / norm)
    if np.any(np.abs(np.diag(triangular)) < 1e-9):
        return np.full(samples.n.size, np.inf)
    rest = 1 - np.einsum("ij,ij->i", orthogonal, orthogonal)
    alone = rest < 1e-9
    errors = regression.residual / np.where(alone, 1, rest) / np.sqrt(samples.kept)
    return np.where(alone, np.inf, errors)


def candidates(
    samples: Samples,
    knees: Sequence[float],
    free_knee: bool,
    forms: Sequence[str],
    switches: Sequence[float] = (),
) -> list[Candidate]:
    """Fit every law that the samples can carry, simplest first.

    Parameters
    ----------
    samples : Samples
        Locations at m batch sizes.
    knees : sequence of float
        Knees known beforehand, in events.
    free_knee : bool
        Whether one more knee may be found from the samples.
    forms : sequence of {"constant", "affine", "knee"}
        The kinds allowed.
    switches : sequence of float
        Batch sizes at which the code changes its way: each law with growth is then also tried with
        a slope of its own below one of them.
    """
    n = samples.n
    seen = [knee for knee in knees if splits(n, knee)]
    ways = [None, *(switch for switch in switches if splits(n, switch))]
    tried: list[Regression] = []
    if "constant" in forms:
        tried.append(regress(Form(per_event=False), samples))
    if "affine" in forms:
        tried += [regress(Form(switch=way), samples) for way in ways]
    if "knee" in forms:
        for count in (1, 2):
            for places in combinations(seen, count):
                for way in ways:
                    if _seen_between(n, places if way is None else (*places, way)):
                        form = Form(True, places, (False,) * count, way)
                        tried.append(regress(form, samples))
        if free_knee:
            tried += [found for way in ways if (found := find_knee(samples, way)) is not None]
    carried = [
        fit
        for fit in tried
        if samples.freedom + n.size > fit.form.freedom
        and n.size >= fit.form.freedom
        and np.all(fit.form.design(n) @ fit.values > 0)
    ]
    result: list[Candidate] = []
    for regression in carried:
        noise = judge_noise(regression, samples)
        candidate = Candidate(
            regression,
            noise,
            float(np.sqrt(np.mean(np.square(held_out_errors(regression, samples))))),
            _aicc(regression, samples),
            _beyond_chance(regression, samples, result),
        )
        if regression.form.knees and result and not _told_apart(candidate):
            candidate = replace(candidate, admitted=False)
        result.append(candidate)
    return result


def choose(tried: list[Candidate]) -> Candidate:
    """Return the admitted candidate with the least held-out error, the simplest of equals.

    Where no size can be spared to be held out (two batch sizes), the law with most parameters.
    A law that misfits is passed over for a richer one that does not: where a single far size
    decides a slope, holding it out speaks against the slope however plainly the samples show it.
    """
    admitted = [candidate for candidate in tried if candidate.admitted]
    simple = [c for c in admitted if not c.form.knees and c.form.switch is None]
    if any(candidate.held_out == np.inf for candidate in simple):
        return max(admitted, key=lambda candidate: candidate.form.freedom)
    richest = max((c.form.freedom for c in admitted if not c.misfits), default=0)
    fitting = [c for c in admitted if not c.misfits or c.form.freedom >= richest]
    level = thresholds.TIED_ERRORS * min(candidate.held_out for candidate in fitting)
    nearest = [candidate for candidate in fitting if candidate.held_out <= level]
    return min(nearest, key=lambda candidate: (candidate.form.freedom, candidate.held_out))


def weighed(tried: Sequence[Candidate], chosen: Candidate) -> list[dict[str, Any]]:
    """Return what was tried and why one was chosen, as JSON values.

    Parameters
    ----------
    tried : sequence of Candidate
    chosen : Candidate
        One of them.

    Returns
    -------
    list of dict
        ``law``, ``held_out`` (relative), ``aicc``, ``lack_of_fit`` (a probability), ``admitted``
        and ``chosen``; a figure that there is none of is None.
    """
    return [
        {
            "law": one.form.name,
            "held_out": _finite(one.held_out),
            "aicc": _finite(one.aicc),
            "lack_of_fit": _finite(one.noise.lack_of_fit),
            "admitted": one.admitted,
            "chosen": one is chosen,
        }
        for one in tried
    ]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _seen_between(n: Floats, bends: Sequence[float]) -> bool:
    """Whether a batch size lies between any two places where the slope may change.

    Otherwise no sample is of the segment between them: what it costs an event and what the next one
    costs are known as a sum alone, and the two are one segment.
    """
    return all(np.any((n > low) & (n < high)) for low, high in pairwise(sorted(bends)))


def _told_apart(candidate: Candidate) -> bool:
    """Whether the samples tell the costs an event of neighbouring segments apart.

    They do not where two are as good as known by their sum alone, and either may be nothing.
    """
    regression = candidate.regression
    costs = regression.values.size
    # Without a bound the estimate would lie one step of the fit further.
    inverse = scaled_inverse(regression.rows)
    centre = regression.values + (inverse @ (regression.rows.T @ regression.residual))[:costs]
    deviation = np.sqrt(np.diag(inverse)[:costs])
    safe = np.where(deviation > 0, deviation, 1.0)
    correlation = inverse[:costs, :costs] / np.outer(safe, safe)
    half = (
        stdtrit(candidate.noise.freedom, (1 + thresholds.LEVEL) / 2)
        * np.sqrt(candidate.noise.variance)
        * deviation
    )
    nothing = centre <= half
    return not any(
        abs(correlation[one, other]) > thresholds.CONFUSED and (nothing[one] or nothing[other])
        for one, other in combinations(range(1, costs), 2)
    )


def splits(n: Floats, knee: float) -> bool:
    """Whether the batch sizes `n` lie on both sides of a knee, enough to see a rise there."""
    return int(np.sum(n <= knee)) >= KNEE_SIDE and int(np.sum(n > knee)) >= KNEE_SIDE


def _aicc(regression: Regression, samples: Samples) -> float:
    size = samples.n.size
    numbers = regression.form.freedom + 1
    if size <= numbers + 1:
        return float("inf")
    likelihood = size * float(np.log(max(regression.square_sum, 1e-300) / size))
    return likelihood + 2 * numbers + 2 * numbers * (numbers + 1) / (size - numbers - 1)


def _beyond_chance(regression: Regression, samples: Samples, simpler: list[Candidate]) -> bool:
    """F-test of a law with knees against the best simpler law, for as many places as searched.

    Simpler is a law with fewer knees; and for a knee found from the samples, too, one with as many
    knees that are known beforehand: a place that noise alone moved it to is none. Without a simpler
    law to fall back on there is nothing to test.
    """
    form = regression.form
    rivals = [
        other
        for other in simpler
        if other.form.freedom < form.freedom
        and (
            len(other.form.knees) < len(form.knees)
            or (any(form.free) and not any(other.form.free) and other.admitted)
        )
    ]
    if not rivals or not form.knees:
        return True
    if np.any(form.rises(regression.values) == 0):
        return False
    rival = min(rivals, key=lambda other: other.regression.square_sum)
    freedom = samples.n.size - form.freedom + samples.freedom
    within = samples.freedom * samples.location_variance if samples.freedom else 0.0
    variance = (regression.square_sum + within) / freedom
    added = form.freedom - rival.form.freedom
    gain = (rival.regression.square_sum - regression.square_sum) / added
    places = samples.n.size if any(form.free) else 1
    chance = float(fdtrc(added, freedom, gain / max(variance, 1e-20)))
    return chance * places < thresholds.KNEE_SIGNIFICANCE
