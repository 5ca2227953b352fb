"""Law: a curve of time over size with its intervals, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from aethermodel.laws.terms import Term, design

if TYPE_CHECKING:
    import sympy

Floats = NDArray[np.float64]

#: So many times beyond the data an interpolation still answers.
REACH = 4.0


class Band(NamedTuple):
    """Times with their interval.

    Attributes
    ----------
    seconds, low, high : ndarray
        ``0 <= low <= seconds <= high``; nan where an interpolation refuses.
    extrapolated : ndarray of bool
        Whether a size lies outside the measured ones.
    """

    seconds: Floats
    low: Floats
    high: Floats
    extrapolated: NDArray[np.bool_]


@dataclass(frozen=True)
class Parameter:
    """A figure of a law: estimate and interval in `unit`."""

    name: str
    value: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Law:
    """Time over size.

    Attributes
    ----------
    name : str
        Of the curve (`Series.name`).
    family : str
        "constant", "affine", "knees", "steps", "power", "n log n", "falling", "usl", "packets",
        "interpolation" or "none".
    parameters : tuple of Parameter
    smallest, largest : float
        Ends of the measured sizes.
    sizes, means : ndarray, shape (m,)
        Measured sizes, and their times in seconds.
    holds : bool
        Whether the law explains the data; False where sizes miss it beyond their noise.
    interpolates : bool
        Whether it joins the data where no law holds; it then refuses far beyond them.
    size_name, size_unit, time_kind, source : str
    verdict : tuple of str
        In words, the headline first.
    terms : tuple of Term
    coefficients : ndarray, shape (terms,)
    covariance : ndarray, shape (terms, terms)
    noise : float
        Relative standard deviation of a new observation.
    freedom : float
        Degrees of freedom behind it.
    level : float
        Confidence of the intervals in `parameters`.
    second_name : str
        Second variable, "" where there is none.
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
    terms: tuple[Term, ...]
    coefficients: Floats
    covariance: Floats
    noise: float
    freedom: float
    level: float = 0.95
    second_name: str = ""
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def expression(self) -> sympy.Expr:
        """The law in N (and M, the second variable) and one non-negative symbol a parameter."""
        from aethermodel.laws.expressions import expression_of

        return expression_of(self.terms)

    def predict(
        self, n: ArrayLike, *, of: Literal["mean", "new"] = "mean", level: float = 0.95
    ) -> Band:
        """Time at sizes `n` with its interval."""
        sizes = np.asarray(n, dtype=np.float64)
        flat = sizes.ravel()
        columns = design(self.terms, flat)
        mean = columns @ self.coefficients
        variance = np.einsum("ij,jk,ik->i", columns, self.covariance, columns) / mean**2
        if of == "new":
            variance = variance + self.noise**2
        half = stdtrit(self.freedom, (1 + level) / 2) * np.sqrt(variance)
        out = (flat < self.smallest) | (flat > self.largest)
        low, high = mean * np.exp(-half), mean * np.exp(half)
        shape = sizes.shape
        return Band(*(part.reshape(shape) for part in (mean, low, high, out)))

    def draws(self, n: ArrayLike, count: int = 1000, seed: int = 0) -> Floats:
        """Joint draws of the mean curve, shape (count, n.size), in seconds."""
        flat = np.asarray(n, dtype=np.float64).ravel()
        rng = np.random.default_rng(seed)
        drawn = rng.multivariate_normal(
            self.coefficients, self.covariance, count, method="eigh", check_valid="ignore"
        )
        return np.asarray(np.maximum(drawn, 0) @ design(self.terms, flat).T)

    def plot(self, axes: Any = None) -> Any:
        """Draw the law, its interval and the data; return the matplotlib axes."""
        from aethermodel.laws.drawing import plot

        return plot(self, axes)

    def _repr_html_(self) -> str:
        from aethermodel.laws.words import html

        return html(self)

    def document(self) -> dict[str, Any]:
        """Return the law as JSON values."""
        from aethermodel.laws.law_file import to_document

        return to_document(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Law:
        """Rebuild a law from JSON values.

        Raises
        ------
        InputError
            If they are not those of a law.
        """
        from aethermodel.laws.law_file import from_document

        return from_document(document)
