"""Terms: what a law is the sum of, each with a coefficient that is not negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import sympy

Floats = NDArray[np.float64]
_TINY = 1e-300

#: Kinds of terms, and how many figures each is made of.
KINDS = {
    "one": 0,  # 1
    "power": 2,  # N^a log2(N)^b
    "ramp": 2,  # what of N lies between two knees
    "level": 2,  # 1 between two steps
    "slope": 2,  # N between two steps
    "packets": 1,  # ceil(N / b)
    "bottleneck": 1,  # 1 up to a size, from there on in proportion to N
    "second": 2,  # N^a M^b of a second variable M
}


class Term(NamedTuple):
    """One summand without its coefficient.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    first, last : float
        Its figures: exponents of N and of its logarithm (``power``) or of the second variable
        (``second``); where it begins and ends (``ramp``, ``level``, ``slope``); the packet; where
        growth begins (``bottleneck``).
    """

    kind: str
    first: float = 0.0
    last: float = 0.0

    @property
    def rises(self) -> bool:
        """Whether it never falls with N."""
        match self.kind:
            case "level" | "slope":
                return False
            case "power" | "second":
                return self.first >= 0
        return True

    def at(self, n: Floats, second: Floats | None = None) -> Floats:
        """Values at sizes `n`, and at the second variable where the term has one."""
        match self.kind:
            case "one":
                return np.ones_like(n)
            case "power":
                return power(n, np.asarray(self.first), np.asarray(self.last))
            case "ramp":
                return np.asarray(np.clip(n, self.first, self.last) - self.first)
            case "level":
                return np.asarray((n >= self.first) & (n < self.last), dtype=np.float64)
            case "slope":
                return np.asarray(n * ((n >= self.first) & (n < self.last)))
            case "packets":
                return np.asarray(np.ceil(n / self.first))
            case "bottleneck":
                return np.asarray(np.maximum(1.0, n / self.first))
            case "second":
                if second is None:
                    raise ValueError("this law has a second variable: its values are missing")
                none = np.zeros(())
                grown = power(n, np.asarray(self.first), none)
                return np.asarray(grown * power(second, np.asarray(self.last), none))
        raise ValueError(f"there is no term of kind {self.kind!r}")

    def slope(self, figure: float, n: Floats, values: Floats) -> Floats:
        """Derivative of its `values` at sizes `n` by a knee or exponent; from above at a kink."""
        match self.kind:
            case "ramp":
                after = (n > figure).astype(np.float64)
                return after if figure == self.last else -after
            case "bottleneck":
                return np.asarray(np.where(n > figure, -n / figure**2, 0.0))
            case "power":
                # As `power` has it: what falls, falls no more below size 1.
                return np.asarray(values * np.log(np.maximum(n, 1.0 if figure < 0 else _TINY)))
        raise ValueError(f"no figure of a term of kind {self.kind!r} is free")

    def expression(self, n: sympy.Symbol, places: dict[float, sympy.Expr]) -> sympy.Expr:
        """The term in symbols.

        Parameters
        ----------
        n : sympy.Symbol
        places : dict of float to sympy.Expr
            Symbols of knees, steps and packets by their value.
        """
        import sympy

        match self.kind:
            case "one":
                return sympy.Integer(1)
            case "power":
                exponent = places.get(self.first, _rational(self.first))
                log = sympy.log(n) / sympy.log(2)
                return n**exponent * log ** int(self.last)
            case "ramp":
                start = places.get(self.first, sympy.Integer(0))
                if np.isinf(self.last):
                    return sympy.Max(0, n - start) if self.first > 0 else n
                return sympy.Min(n, places[self.last]) - (
                    sympy.Min(n, start) if self.first > 0 else sympy.Integer(0)
                )
            case "level" | "slope":
                value = sympy.Integer(1) if self.kind == "level" else n
                inside = sympy.true
                if self.first > 0:
                    inside = sympy.And(inside, n >= places[self.first])
                if np.isfinite(self.last):
                    inside = sympy.And(inside, n < places[self.last])
                return (
                    value if inside is sympy.true else sympy.Piecewise((value, inside), (0, True))
                )
            case "packets":
                return sympy.ceiling(n / places[self.first])
            case "bottleneck":
                return sympy.Max(1, n / places[self.first])
            case "second":
                return n ** int(self.first) * sympy.Symbol("M", nonnegative=True) ** int(self.last)
        raise ValueError(f"there is no term of kind {self.kind!r}")


def design(terms: Sequence[Term], n: Floats, second: Floats | None = None) -> Floats:
    """Values of all terms, shape (n.size, terms)."""
    columns = np.empty((n.size, len(terms)))
    ramps = [index for index, term in enumerate(terms) if term.kind == "ramp"]
    if len(ramps) > 1:
        ends = np.array([(terms[index].first, terms[index].last) for index in ramps]).T
        columns[:, ramps] = np.minimum(np.maximum(n[:, None], ends[0]), ends[1]) - ends[0]
    powers = [index for index, term in enumerate(terms) if term.kind == "power"]
    if len(powers) > 1:
        exponents = np.array([terms[index].first for index in powers])
        logs = np.array([terms[index].last for index in powers])
        columns[:, powers] = power(n[:, None], exponents, logs)
    alone = {*(ramps if len(ramps) > 1 else ()), *(powers if len(powers) > 1 else ())}
    for index, term in enumerate(terms):
        if index not in alone:
            columns[:, index] = term.at(n, second)
    return columns


def power(n: Floats, exponent: Floats, logs: Floats) -> Floats:
    """Powers of sizes and of their logarithms, broadcast."""
    # What grows costs nothing at size 0; what falls, at no count less than at one.
    below = np.where(np.asarray(exponent) < 0, 1.0, 0.0)
    positive = np.maximum(n, below)
    grown = np.maximum(positive, _TINY) ** exponent
    value = np.where((positive > 0) | (np.asarray(exponent) == 0), grown, 0.0)
    if np.any(logs):
        # Nor does a logarithm fall below that of 1.
        value = value * np.log2(np.maximum(n, 1.0)) ** logs
    return np.asarray(value)


def _rational(value: float) -> sympy.Expr:
    """An exponent as people write it: quarters, thirds and eighths exactly."""
    import sympy

    parts = round(value * 24)
    return sympy.Rational(parts, 24) if abs(value * 24 - parts) < 1e-9 else sympy.Float(value)
