"""Fit of one term as a law of N, with intervals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aethermodel import thresholds
from aethermodel.calibrate.term_fit.candidate_laws import Form
from aethermodel.calibrate.term_fit.model_selection import (
    Candidate,
    Noise,
    candidates,
    choose,
    held_out_errors,
    splits,
)
from aethermodel.calibrate.term_fit.process_effects import ALIKE, level_out
from aethermodel.calibrate.term_fit.regression import Regression, scaled_inverse
from aethermodel.calibrate.term_fit.samples import Samples, checked, summarise
from aethermodel.calibrate.term_fit.term_fit import Kind, Parameter, TermFit, quantile_of

__all__ = ["FORMS", "Kind", "Parameter", "TermFit", "fit_term"]

Floats = NDArray[np.float64]
FORMS = ("constant", "affine", "knee")


def fit_term(
    n: ArrayLike,
    seconds: ArrayLike,
    *,
    knees: Sequence[float] = (),
    free_knee: bool = True,
    forms: Sequence[str] = FORMS,
    switch: float | Sequence[float] = (),
    group: ArrayLike | None = None,
    level: float = thresholds.LEVEL,
) -> TermFit:
    """Fit a physical law of N to the timings of one term.

    Candidates are a constant, an affine law, and an affine law whose slope rises at one or two
    knees; all coefficients are non-negative. Noise is taken to be relative. The candidate with the
    least held-out error is chosen among those whose knees are beyond chance.

    Parameters
    ----------
    n : array_like, shape (samples,)
        Batch size of each sample, in events; repeats are several samples at one size.
    seconds : array_like, shape (samples,)
        Time of each sample, in seconds.
    knees : sequence of float
        Batch sizes at which the slope may rise, such as those that fill a cache, in events.
    free_knee : bool
        Whether a knee may also be found from the samples (needs six batch sizes, three of them
        above the knee).
    forms : sequence of {"constant", "affine", "knee"}
        Laws to consider, for a term whose physics is known.
    switch : float or sequence of float
        Batch sizes at which the code is known to change its way, in events: below one of them the
        slope may be greater than above.
    group : array_like, shape (samples,), optional
        The process that each sample was taken in: samples of one process share what it is slower
        or faster by. Without it all samples are taken to be independent.
    level : float
        Confidence of the intervals in `TermFit.parameters`.

    Returns
    -------
    TermFit
        Deterministic: the same samples in any order give the same fit.

    Raises
    ------
    ValueError
        On samples that cannot be fitted, or an option out of range.
    """
    sizes, times = checked(n, seconds)
    quantile_of(1, level)
    unknown = set(forms) - set(FORMS)
    if unknown or not forms:
        raise ValueError(f"forms must be some of {', '.join(FORMS)}, not {list(forms)!r}")
    places = sorted({float(knee) for knee in knees})
    if not all(np.isfinite(place) and place > 0 for place in places):
        raise ValueError("every knee must be a finite number of events above zero")
    switches = np.atleast_1d(np.asarray(switch, dtype=np.float64)).tolist()
    if not all(np.isfinite(place) and place > 0 for place in switches):
        raise ValueError("the switch must be a finite number of events above zero")
    between = ALIKE
    if group is not None:
        times, between = level_out(sizes, times, np.ravel(group))
    samples = between.own_noise(summarise(sizes, times))
    tried = candidates(samples, places, free_knee, forms, switches)
    if not tried:
        raise ValueError(
            f"{samples.n.size} batch sizes cannot carry a law of form {' or '.join(forms)}"
        )
    best = choose(tried)
    if np.any(samples.split):
        # Where the repeats of a size fall into two camps, the other sizes say which one is right.
        error = held_out_errors(best.regression, samples)
        law = best.form.design(samples.n) @ best.regression.values
        expected = np.where(samples.split, samples.seconds - error * law, np.nan)
        samples = between.own_noise(summarise(sizes, times, expected))
        tried = candidates(samples, places, free_knee, forms, switches)
        best = choose(tried)
    regression, noise = _widest(best, tried, samples)
    inverse = _spread(regression, samples)
    shift = np.zeros(regression.form.freedom)
    if np.any(regression.values == 0):
        shift = inverse @ (regression.rows.T @ regression.residual)
    return TermFit(
        form=regression.form,
        values=regression.values,
        shift=shift,
        covariance=noise.variance * inverse,
        freedom=noise.freedom,
        noise=noise.sample,
        level=level,
        samples=samples,
        variance=noise.variance,
        unseen_knees=tuple(place for place in places if not splits(samples.n, place)),
        chosen=best,
        tried=tuple(tried),
        between=between,
    )


def _widest(
    best: Candidate, tried: Sequence[Candidate], samples: Samples
) -> tuple[Regression, Noise]:
    """The fit whose uncertainty is honest for the law chosen.

    That no growth was seen does not prove that there is none. Where an affine law was possible, a
    constant keeps a slope of zero with the affine law's interval, which widens beyond the measured
    sizes as it must.
    """
    affine = [candidate for candidate in tried if candidate.form == Form()]
    if best.form.per_event or not affine:
        return best.regression, best.noise
    values = np.append(best.regression.values, 0.0)
    root = np.sqrt(samples.kept)
    rows = Form().gradient(samples.n, values) * (root / values[0])[:, None]
    flat = replace(best.regression, form=Form(), values=values, rows=rows)
    return flat, affine[0].noise


def _spread(regression: Regression, samples: Samples) -> Floats:
    """Covariance of everything estimated, per unit of relative variance."""
    form = regression.form
    found = [knee for knee, free in zip(form.knees, form.free, strict=True) if free]
    if not np.any(np.isin(found, samples.n)):
        return scaled_inverse(regression.rows)
    # Where a knee settled at a measured size the law has two slopes by it, and the estimate may
    # have come there from either side: a mixture of the two, spread by their mean variance.
    law = form.design(samples.n) @ regression.values
    below = form.gradient(samples.n, regression.values, from_below=True)
    below = below * (np.sqrt(samples.kept) / law)[:, None]
    return (scaled_inverse(regression.rows) + scaled_inverse(below)) / 2
