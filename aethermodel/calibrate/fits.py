"""One term of a batch's time as a law of N, with intervals that hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from aethermodel.calibrate.choice import (
    Candidate,
    Noise,
    candidates,
    choose,
    held_out_errors,
    splits,
)
from aethermodel.calibrate.forms import Form
from aethermodel.calibrate.processes import ALIKE, Between, level_out
from aethermodel.calibrate.regression import Regression
from aethermodel.calibrate.samples import Samples, checked, summarise

Floats = NDArray[np.float64]
Kind = Literal["mean", "observation"]
FORMS = ("constant", "affine", "knee")


@dataclass(frozen=True)
class Parameter:
    """A fitted number.

    Attributes
    ----------
    value, low, high : float
        Estimate and its confidence interval, in `unit`; never below zero.
    unit : str
        ``s``, ``s/event`` or ``event``.
    level : float
        Confidence of the interval.
    given : bool
        Whether the number was given rather than fitted (its interval is then a point).
    """

    value: float
    low: float
    high: float
    unit: str
    level: float
    given: bool = False


@dataclass(frozen=True)
class TermFit:
    """A law of N fitted to the timings of one term.

    Attributes
    ----------
    form : Form
        The law, growth included where it was possible but not seen (its ``c1`` is then zero).
    values : ndarray of float64, shape (coefficients,)
        Non-negative coefficients, in seconds and seconds per event.
    shift : ndarray of float64, shape (form.freedom,)
        What the estimate would move by without the bound at zero; intervals are centred there.
    covariance : ndarray of float64, shape (form.freedom, form.freedom)
        Of everything estimated: coefficients, then found knees.
    freedom : int
        Degrees of freedom of the noise.
    noise : float
        Relative standard deviation of a new observation about the law.
    level : float
        Confidence of the intervals in `parameters`.
    samples : Samples
        What was fitted.
    variance : float
        Relative variance of one sample's share in a location, behind `covariance`.
    unseen_knees : tuple of float
        Knees given that the batch sizes do not lie on both sides of, in events; left out.
    chosen : Candidate
        The law chosen, with its fit, noise, held-out error and AICc.
    tried : tuple of Candidate
        Every law tried, with held-out error and AICc.
    between : Between
        What the processes differ by that the samples came from; `noise` is within one.
    """

    form: Form
    values: Floats
    shift: Floats
    covariance: Floats
    freedom: int
    noise: float
    level: float
    samples: Samples
    variance: float
    unseen_knees: tuple[float, ...]
    chosen: Candidate
    tried: tuple[Candidate, ...]
    between: Between = ALIKE

    def predict(
        self, n: ArrayLike, level: float = 0.95, kind: Kind = "mean"
    ) -> tuple[Floats, Floats, Floats]:
        """Time at batch sizes `n` with its interval.

        Parameters
        ----------
        n : array_like
            Batch sizes in events, at least 1; any shape.
        level : float
            Confidence, between 0 and 1.
        kind : {"mean", "observation"}
            What the interval covers. ``"mean"`` (default): the law itself, that is the time that
            many repeats would settle at; its width is the uncertainty of the parameters, as the
            samples' noise left it. ``"observation"``: one new sample that is no outlier, its own
            noise added. Of all new samples it holds ``level`` times ``1 - outlier_share``.

        Returns
        -------
        mean, low, high : ndarray of float64, shape of `n`
            In seconds, ``0 <= low <= mean <= high``.

        Notes
        -----
        Student's t about the unbounded estimate, cut off at zero (a true cost is never negative, so
        the cut loses no coverage): Seber and Lee 2003, sections 5.2 and 5.3.
        """
        sizes = np.asarray(n, dtype=np.float64)
        if not np.all(np.isfinite(sizes)) or np.any(sizes < 1):
            raise ValueError("every batch size must be a finite number of at least 1 event")
        if kind not in ("mean", "observation"):
            raise ValueError(f"kind must be 'mean' or 'observation', not {kind!r}")
        quantile = _quantile(self.freedom, level)
        flat = sizes.ravel()
        mean = self.form.design(flat) @ self.values
        gradient = self.form.gradient(flat, self.values)
        variance = np.einsum("ij,jk,ik->i", gradient, self.covariance, gradient)
        if kind == "observation":
            variance = variance + np.square(self.noise * mean)
        half = quantile * np.sqrt(np.maximum(variance, 0))
        half = np.hypot(half, self.between.half(mean, level, fresh=kind == "observation"))
        centre = mean + gradient @ self.shift
        low = np.clip(centre - half, 0, mean)
        high = np.maximum(centre + half, mean)
        shape = sizes.shape
        return mean.reshape(shape), low.reshape(shape), high.reshape(shape)

    def among(self, n: float) -> "TermFit":
        """Return the law for events that come from the set of batches of `n`; see `Form`."""
        return replace(self, form=replace(self.form, among=n))

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by the name of their symbol in `expression`.

        ``c0`` (s), ``c1`` (s/event), ``c2`` and ``c3`` (s/event, rises of slope), the knees
        ``N1`` and ``N2`` (event), and below a switch ``cs`` (s/event) and ``Ns`` (event).
        """
        half = _quantile(self.freedom, self.level) * np.sqrt(np.diag(self.covariance))
        costs = self.values.size
        half[:costs] = np.hypot(half[:costs], self.between.half(self.values, self.level))
        result = {}
        for index, name in enumerate(self.form.coefficients):
            value = float(self.values[index])
            centre = value + float(self.shift[index])
            low = min(value, max(0.0, centre - half[index]))
            high = max(value, centre + half[index])
            unit = "s/event" if index else "s"
            result[name] = Parameter(value, low, high, unit, self.level)
        found = len(self.form.coefficients)
        for name, knee, free in zip(
            self.form.knee_names, self.form.knees, self.form.free, strict=True
        ):
            reach = float(half[found]) if free else 0.0
            found += free
            result[name] = Parameter(
                knee, max(0.0, knee - reach), knee + reach, "event", self.level, not free
            )
        if (switch := self.form.switch) is not None:
            result["Ns"] = Parameter(switch, switch, switch, "event", self.level, given=True)
        return result

    @property
    def expression(self) -> sympy.Expr:
        """The law as a SymPy expression in ``N`` and the symbols named in `parameters`."""
        return self.form.expression()

    @property
    def outliers(self) -> int:
        """Samples too far from their batch size's median to carry weight."""
        return int(self.samples.outliers.sum())

    @property
    def outlier_share(self) -> float:
        """Share of the samples that are `outliers`."""
        return float(self.outliers / self.samples.repeats.sum())


def fit_term(
    n: ArrayLike,
    seconds: ArrayLike,
    *,
    knees: Sequence[float] = (),
    free_knee: bool = True,
    forms: Sequence[str] = FORMS,
    switch: float | Sequence[float] = (),
    group: ArrayLike | None = None,
    level: float = 0.95,
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
    _quantile(1, level)
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
        return _inverse(regression.rows)
    # Where a knee settled at a measured size the law has two slopes by it, and the estimate may
    # have come there from either side: a mixture of the two, spread by their mean variance.
    law = form.design(samples.n) @ regression.values
    below = form.gradient(samples.n, regression.values, from_below=True)
    below = below * (np.sqrt(samples.kept) / law)[:, None]
    return (_inverse(regression.rows) + _inverse(below)) / 2


def _inverse(rows: Floats) -> Floats:
    """Inverse of the normal matrix, its columns scaled to compare."""
    norm = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    norm[norm == 0] = 1.0
    scaled = rows / norm
    inverse: Floats = np.linalg.pinv(scaled.T @ scaled, hermitian=True) / np.outer(norm, norm)
    return inverse


def _quantile(freedom: int, level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    return float(stdtrit(freedom, (1 + level) / 2))
