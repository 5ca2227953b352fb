"""Fitted law of N: parameters, predictions and their intervals."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from aethermodel import thresholds
from aethermodel.calibrate.term_fit import joint_distribution as joint
from aethermodel.calibrate.term_fit.candidate_laws import Form
from aethermodel.calibrate.term_fit.model_selection import Candidate
from aethermodel.calibrate.term_fit.process_effects import ALIKE, Between
from aethermodel.calibrate.term_fit.samples import Samples

Floats = NDArray[np.float64]
Kind = Literal["mean", "observation"]
# Of so many draws that a bound moves, the ends of a 95 % interval feel nothing.
_UNFELT = 0.001
# The width of an interval changes slowly with N: at more sizes than this it is interpolated.
_MOST_SIZES = 400


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
    fixed : bool
        Whether predictions hold the fixed cost ``c0``, or only what grows with N.
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
    fixed: bool = True

    def predict(
        self, n: ArrayLike, level: float = thresholds.LEVEL, kind: Kind = "mean"
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
        Student's t: Seber and Lee 2003, sections 5.2 and 5.3. Where a bound at zero is within reach
        of a cost, or a knee was found, quantiles of the joint distribution under the bounds, which
        all answers are drawn from (`draw`).
        """
        sizes = np.asarray(n, dtype=np.float64)
        if not np.all(np.isfinite(sizes)) or np.any(sizes < 1):
            raise ValueError("every batch size must be a finite number of at least 1 event")
        if kind not in ("mean", "observation"):
            raise ValueError(f"kind must be 'mean' or 'observation', not {kind!r}")
        flat = sizes.ravel()
        mean = self._without_fixed(self.form.design(flat)) @ self.values
        below, above = self._reach(flat, mean, level)
        further = self.between.half(mean, level, fresh=kind == "observation")
        if kind == "observation":
            further = np.hypot(further, self.new_half(mean, level))
        low = np.clip(mean - np.hypot(below, further), 0, mean)
        high = mean + np.hypot(above, further)
        shape = sizes.shape
        return mean.reshape(shape), low.reshape(shape), high.reshape(shape)

    def new_half(self, mean: Floats, level: float) -> Floats:
        """Half-width that a new sample's own noise leaves about a mean, in seconds."""
        return np.asarray(quantile_of(self.freedom, level) * self.noise * mean)

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Draw parameters from their joint distribution, as the samples' own noise leaves it.

        Parameters
        ----------
        count : int
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of float64, shape (count, form.freedom)
            Coefficients, none below zero, then found knees.
        """
        return joint.draw(
            self._centre, self.covariance, self.freedom, self.values.size, count, rng
        )[0]

    @cached_property
    def _centre(self) -> Floats:
        """What was estimated, as it were without the bounds at zero."""
        found = [knee for knee, free in zip(self.form.knees, self.form.free, strict=True) if free]
        return np.concatenate([self.values, found]) + self.shift

    @cached_property
    def _lopsided(self) -> Floats | None:
        """Draws, where intervals are not symmetric; None where they are."""
        drawn, moved = joint.draw(
            self._centre,
            self.covariance,
            self.freedom,
            self.values.size,
            thresholds.DRAWS,
            np.random.default_rng(0),
        )
        return drawn if moved > _UNFELT * thresholds.DRAWS or any(self.form.free) else None

    def _without_fixed(self, columns: Floats) -> Floats:
        columns[:, 0] *= self.fixed
        return columns

    def _reach(self, flat: Floats, mean: Floats, level: float) -> tuple[Floats, Floats]:
        """How far the mean may lie below and above, by what the samples' own noise leaves open."""
        if self._lopsided is None:
            gradient = self._without_fixed(self.form.gradient(flat, self.values))
            variance = np.einsum("ij,jk,ik->i", gradient, self.covariance, gradient)
            half = quantile_of(self.freedom, level) * np.sqrt(np.maximum(variance, 0))
            return half, half
        at = np.unique(flat)
        if at.size > _MOST_SIZES:
            at = np.geomspace(at[0], at[-1], _MOST_SIZES)
        drawn = self._lopsided.copy()
        drawn[:, 0] *= self.fixed
        low, high = _ends(self.form.times(at, drawn), level, axis=1)
        own = self._without_fixed(self.form.design(at)) @ self.values
        below, above = np.maximum(own - low, 0), np.maximum(high - own, 0)
        return np.interp(flat, at, below), np.interp(flat, at, above)

    def among(self, n: float) -> "TermFit":
        """Return the law for events that come from the set of batches of `n`; see `Form`."""
        return replace(self, form=replace(self.form, among=n))

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by the name of their symbol in `expression`.

        ``c0`` (s), ``c1`` (s/event), ``c2`` and ``c3`` (s/event, rises of slope), the knees
        ``N1`` and ``N2`` (event), and below a switch ``cs`` (s/event) and ``Ns`` (event).
        """
        low, high = self._parameter_ends()
        result = {}
        for index, name in enumerate(self.form.coefficients):
            unit = "s/event" if index else "s"
            value, ends = float(self.values[index]), (float(low[index]), float(high[index]))
            result[name] = Parameter(value, *ends, unit, self.level)
        found = len(self.form.coefficients)
        for name, knee, free in zip(
            self.form.knee_names, self.form.knees, self.form.free, strict=True
        ):
            ends = (float(low[found]), float(high[found])) if free else (knee, knee)
            found += free
            result[name] = Parameter(knee, *ends, "event", self.level, not free)
        if (switch := self.form.switch) is not None:
            result["Ns"] = Parameter(switch, switch, switch, "event", self.level, given=True)
        return result

    def _parameter_ends(self) -> tuple[Floats, Floats]:
        """Ends of the intervals of all that was estimated, at the fit's own level."""
        found = [knee for knee, free in zip(self.form.knees, self.form.free, strict=True) if free]
        value = np.concatenate([self.values, found])
        if self._lopsided is None:
            below = above = self.half
        else:
            low, high = _ends(self._lopsided, self.level, axis=0)
            below, above = np.maximum(value - low, 0), np.maximum(high - value, 0)
        shared = self.between.half(value, self.level)
        shared[self.values.size :] = 0.0  # a knee is no cost
        low = np.clip(value - np.hypot(below, shared), 0, value)
        return low, value + np.hypot(above, shared)

    @property
    def half(self) -> Floats:
        """Half-widths of the intervals of all that was estimated, as they were without bounds."""
        return np.asarray(quantile_of(self.freedom, self.level) * np.sqrt(np.diag(self.covariance)))

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


def _ends(drawn: Floats, level: float, axis: int) -> tuple[Floats, Floats]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=axis)
    return low, high


def quantile_of(freedom: int, level: float) -> float:
    """Return the quantile of Student's t that a two-sided interval of a level ends at."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    return float(stdtrit(freedom, (1 + level) / 2))
