"""Fitted curve: time over size with its intervals, and joint draws of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aethermodel import thresholds
from aethermodel.calibrate.term_fit import joint_distribution as joint
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.families.free_figures import curves, free_values, gradient
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import design
from aethermodel.laws.held_out_errors import FREEDOM, Misses, quantile
from aethermodel.laws.local_correction import interpolated, octaves

if TYPE_CHECKING:
    import sympy

Floats = NDArray[np.float64]

#: An interpolation answers up to so many times beyond its data, and no further.
REACH = 4.0
# Sizes a few bytes beyond are not far.
_NEARLY = 1.05
# Octaves over which what a curve is off by resembles itself, for joint draws.
_ALIKE = 2.0
_TINY = 1e-300
# A double ends at e^709: an interval without bound stays a number.
_MOST_LOG = 700.0


class Band(NamedTuple):
    """Times with their interval.

    Attributes
    ----------
    seconds, low, high : ndarray
        ``0 < low <= seconds <= high``; nan where an interpolation refuses.
    extrapolated : ndarray of bool
        Whether a size lies outside the measured ones.
    """

    seconds: Floats
    low: Floats
    high: Floats
    extrapolated: NDArray[np.bool_]


@dataclass(frozen=True)
class Parameter:
    """A figure of a law: estimate and interval, in `unit`."""

    name: str
    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Member:
    """One of the laws that a prediction is the middle of.

    Attributes
    ----------
    terms : tuple of Term
    coefficients : ndarray, shape (terms,)
    offsets : ndarray, shape (m,)
        Logarithm of what it is corrected by at each measured size; empty without correction.
    """

    terms: Terms
    coefficients: Floats
    offsets: Floats


@dataclass(frozen=True)
class FittedCurve:
    """Time over size: the figures of a `Law`, and what they predict.

    Attributes
    ----------
    name : str
        Of the curve (`Series.name`).
    family : str
        "constant", "affine", "knees", "steps", "power", "n log n", "falling", "usl", "packets",
        "bottleneck"; "interpolation" where none of them is near, "none" where the size does not
        decide the time.
    parameters : tuple of Parameter
    smallest, largest : float
        Ends of the measured sizes.
    sizes, means : ndarray, shape (m,)
        Measured sizes, and their times in seconds.
    holds : bool
        Whether the law explains the data; False where sizes miss it beyond their noise.
    interpolates : bool
        Whether predictions join the data because no law holds; they are then refused beyond
        `REACH` times the data.
    size_name, size_unit, time_kind, source : str
    verdict : tuple of str
        In words, the headline first.
    terms, coefficients
        Of the law shown.
    covariance : ndarray, shape (parameters, parameters)
        Of coefficients and free figures (knees, exponents).
    noise : float
        Relative standard deviation of a new observation; nan where no repeats tell it.
    freedom : float
        Degrees of freedom behind `noise` and `covariance`.
    members : tuple of Member
        Predictions are their middle.
    misses : Misses or None
        What intervals are made from; None where the law holds on repeats, and they follow from
        the covariance.
    between : (variance, weight, processes)
        Relative variance between processes, the share left in the mean, and their number; zeros
        where they do not differ.
    level : float
        Confidence of the intervals in `parameters`.
    second_name : str
        Second variable, "" where there is none.
    second : ndarray, shape (m,) or (0,)
        Its value at each of `sizes`.
    seconds_of_nothing : float or None
        Time of size 0 where that does nothing, so that the law leaves it out.
    notes : tuple of str
        Of the reader.
    """

    name: str
    family: str
    parameters: tuple[Parameter, ...]
    smallest: float
    largest: float
    sizes: Floats
    means: Floats
    holds: bool
    interpolates: bool
    size_name: str
    size_unit: str
    time_kind: str
    source: str
    verdict: tuple[str, ...]
    terms: Terms
    coefficients: Floats
    covariance: Floats
    noise: float
    freedom: float
    members: tuple[Member, ...]
    misses: Misses | None
    between: tuple[float, float, float] = (0.0, 0.0, 0.0)
    level: float = thresholds.LEVEL
    second_name: str = ""
    second: Floats = field(default_factory=lambda: np.empty(0))
    seconds_of_nothing: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def counted(self) -> str:
        """What its sizes count, for rates: ``B`` of bytes."""
        return self.size_unit or self.size_name

    @cached_property
    def expression(self) -> sympy.Expr:
        """The law in N, M (a second variable) and one non-negative symbol a parameter.

        Where the law does not hold this is the nearest one, and predictions are corrected by what
        it misses.
        """
        from aethermodel.laws.families.expressions import expression_of

        return expression_of(self.terms)

    def predict(
        self,
        n: ArrayLike,
        *,
        of: Literal["mean", "new"] = "mean",
        level: float = thresholds.LEVEL,
        second: ArrayLike | None = None,
    ) -> Band:
        """Time at sizes `n` with its interval.

        Parameters
        ----------
        n : array_like
            Sizes, 0 or above; any shape.
        of : {"mean", "new"}
            What the interval is for: the time that many repeats settle at, or one new measurement.
            Without repeats in the data nothing tells the two apart.
        level : float
            Confidence, between 0 and 1.
        second : array_like, optional
            Values of the second variable, where the law has one.

        Raises
        ------
        InputError
            On sizes below zero or not finite, or a missing second variable.

        Notes
        -----
        Intervals are symmetric in the logarithm, so never negative. On repeats that the law
        explains: Student's t on the linearised law (Seber and Wild 1989, Nonlinear Regression,
        section 5.1). Elsewhere: what was missed at points left out (`Misses`).
        """
        if of not in ("mean", "new"):
            raise InputError(f"of must be 'mean' or 'new', not {of!r}")
        if not 0 < level < 1:
            raise InputError(f"level must lie between 0 and 1, not {level!r}")
        sizes = np.asarray(n, dtype=np.float64)
        flat, other = self._asked(sizes, second)
        outside = (flat < self.smallest) | (flat > self.largest)
        logs, half = self._log_curve(flat, other, level, of == "new")
        mean = np.exp(logs)
        low, high = mean * np.exp(-half), mean * np.exp(half)
        for part in (mean, low, high):
            part[self._refused(flat)] = np.nan
        shape = sizes.shape
        return Band(
            mean.reshape(shape), low.reshape(shape), high.reshape(shape), outside.reshape(shape)
        )

    def draws(
        self, n: ArrayLike, count: int = 1000, seed: int = 0, second: ArrayLike | None = None
    ) -> Floats:
        """Joint draws of the mean curve.

        Parameters
        ----------
        n : array_like, shape (k,)
        count, seed : int
        second : array_like, optional
            Values of the second variable.

        Returns
        -------
        ndarray, shape (count, k)
            Seconds, above zero; nan where an interpolation refuses.
        """
        flat, other = self._asked(np.asarray(n, dtype=np.float64), second)
        rng = np.random.default_rng(seed)
        logs, apart = self._middle(flat, other)
        if self.misses is None:
            # The law itself of drawn figures: with a knee elsewhere its best size is elsewhere.
            centre = np.concatenate([self.coefficients, free_values(self.terms)])
            figures, _ = joint.draw(
                centre, self.covariance, self.freedom, self.coefficients.size, count, rng
            )
            own = np.maximum(curves(self.terms, figures, flat, other), _TINY)
            shift = logs - np.log(np.maximum(self._law(flat, other), _TINY))
            variance, weight, processes = self.between
            if variance:
                level = joint.student(count, 1, max(processes - 1, 1), rng)
                shift = shift + level * np.sqrt(variance * weight)
            with np.errstate(over="ignore"):
                own *= np.exp(np.clip(shift, -_MOST_LOG, _MOST_LOG))
            drawn = np.clip(own, _TINY, np.exp(_MOST_LOG))
        else:
            octave = self._octaves(flat)
            scale = self.misses.scale(octave, apart)
            alike = np.exp(-np.abs(octave[:, None] - octave) / _ALIKE)
            spread = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, count))[:, None]
            off = (rng.standard_normal((count, flat.size)) @ _root(alike).T) * scale * spread
            drawn = np.exp(np.clip(logs + off, -_MOST_LOG, _MOST_LOG))
        drawn[:, self._refused(flat)] = np.nan
        return np.asarray(drawn)

    def _asked(self, sizes: Floats, second: ArrayLike | None) -> tuple[Floats, Floats | None]:
        flat = sizes.ravel()
        if not np.all(np.isfinite(flat)) or np.any(flat < 0):
            raise InputError("every size must be a finite number, 0 or above")
        if not self.second_name:
            return flat, None
        if second is None:
            raise InputError(f"this law has a second variable: give values of {self.second_name}")
        other = np.broadcast_to(np.asarray(second, dtype=np.float64), sizes.shape).ravel()
        if not np.all(np.isfinite(other)) or np.any(other < 0):
            raise InputError(f"every value of {self.second_name} must be finite, 0 or above")
        return flat, other

    def _law(self, flat: Floats, other: Floats | None) -> Floats:
        return np.asarray(design(self.terms, flat, other) @ self.coefficients)

    def _octaves(self, flat: Floats) -> Floats:
        return octaves(flat, self.sizes)

    def _refused(self, flat: Floats) -> NDArray[np.bool_]:
        if not self.interpolates:
            return np.zeros(flat.size, dtype=bool)
        reach = REACH * _NEARLY
        return (flat > reach * self.largest) | (flat < self.smallest / reach)

    def _middle(self, flat: Floats, other: Floats | None) -> tuple[Floats, Floats]:
        """Logarithm of the curve, and what the middle one of the members is off it by."""
        logs = []
        for member in self.members:
            law = np.log(np.maximum(design(member.terms, flat, other) @ member.coefficients, _TINY))
            if member.offsets.size and self.misses is not None:
                offsets = member.offsets[:, None]
                law = law + interpolated(self._octaves(flat), self.misses.octave, offsets)[:, 0]
            logs.append(law)
        curve = np.median(np.stack(logs), axis=0)
        apart = np.median(np.abs(np.stack(logs) - curve), axis=0)
        if self.seconds_of_nothing is not None:
            curve = np.where(flat == 0, np.log(self.seconds_of_nothing), curve)
        return np.asarray(curve), np.asarray(apart)

    def _log_curve(
        self, flat: Floats, other: Floats | None, level: float, new: bool
    ) -> tuple[Floats, Floats]:
        logs, apart = self._middle(flat, other)
        noise = 0.0 if np.isnan(self.noise) or not new else self.noise
        if self.misses is not None:
            half = quantile(level) * self.misses.scale(self._octaves(flat), apart)
        else:
            rows = gradient(self.terms, self.coefficients, flat, other)
            variance = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
            half = quantile(level, self.freedom) * np.sqrt(np.maximum(variance, 0.0))
        variance, weight, processes = self.between
        if variance:
            share = variance * (weight + new)
            half = np.hypot(half, quantile(level, max(processes - 1, 1)) * np.sqrt(share))
        return logs, np.minimum(np.hypot(half, quantile(level, self.freedom) * noise), _MOST_LOG)


def _root(covariance: Floats) -> Floats:
    """Return a square root of a covariance whose entries differ by many powers of ten."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    safe = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(safe, safe))
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) * safe[:, None])
