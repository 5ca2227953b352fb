"""Parameter: a named quantity with unit, interval and source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real

import sympy

#: Batch size: events in one batch.
N = sympy.Symbol("N", positive=True)

#: Handler calls in one tick: topics that have both events and a handler.
K = sympy.Symbol("K", nonnegative=True)

# Events, bytes, handler calls, call arguments, messages and packets are counts of different
# things. SI calls them all "1", which would let seconds per event pass for seconds; a base
# dimension each keeps them apart. A dimension is a product of powers of these symbols: SymPy's own
# units do no more here, and take longer to import than a prediction takes.
_TIME, _LENGTH = sympy.symbols("time length", positive=True)
_COUNTS = sympy.symbols("event call byte argument message packet", positive=True)
_EVENT, _CALL, _BYTE, _ARGUMENT, _MESSAGE, _PACKET = _COUNTS

DIMENSIONS: dict[str, sympy.Expr] = {
    "1": sympy.Integer(1),
    "s": _TIME,
    "s/event": _TIME / _EVENT,
    "s/call": _TIME / _CALL,
    "event": _EVENT,
    "call": _CALL,
    "s/argument": _TIME / _ARGUMENT,
    "argument": _ARGUMENT,
    "B": _BYTE,
    "B/s": _BYTE / _TIME,
    "s/B": _TIME / _BYTE,
    "B/event": _BYTE / _EVENT,
    "message": _MESSAGE,
    "s/message": _TIME / _MESSAGE,
    "B/message": _BYTE / _MESSAGE,
    "event/message": _EVENT / _MESSAGE,
    "packet": _PACKET,
    "s/packet": _TIME / _PACKET,
    "B/packet": _BYTE / _PACKET,
    "m": _LENGTH,
}


class UnitError(ValueError):
    """The two sides of a sum, or a term and its meaning, have different dimensions."""


@dataclass(frozen=True)
class Parameter:
    """One quantity of a model.

    Attributes
    ----------
    name : str
        Plain ASCII; also the SymPy symbol's name, so ``t_tick`` prints with a subscript.
    value : float
        In `unit`, not negative.
    unit : str
        One of `DIMENSIONS`, SI without prefix.
    meaning : str
        In words, for tables.
    source : str
        Where the value comes from: a page, a probe.
    low, high : float or None
        95 % interval, where one is known.

    Raises
    ------
    TypeError
        If the value is no number.
    ValueError
        If the name is no identifier, the unit none of `DIMENSIONS`, or the value negative.
    """

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.unit not in DIMENSIONS:
            raise UnitError(f"{self.name}: unit {self.unit!r} is not one of {sorted(DIMENSIONS)}")
        if not (self.name.isascii() and self.name.isidentifier()):
            raise ValueError(f"a parameter's name is a plain identifier, not {self.name!r}")
        if not isinstance(self.value, Real):
            raise TypeError(f"{self.name} must be a number, not {self.value!r}")
        if not self.value >= 0:
            raise ValueError(f"{self.name} must not be negative, but is {self.value}")

    @property
    def symbol(self) -> sympy.Symbol:
        """The parameter as a non-negative SymPy symbol."""
        return sympy.Symbol(self.name, nonnegative=True)

    @property
    def is_cost(self) -> bool:
        """Whether it is a time, or a time a count: what a change can make cheaper."""
        return self.unit.startswith("s")

    def with_value(self, value: float, source: str) -> Parameter:
        """Return this parameter with another value, of which nothing but the source is known."""
        return replace(self, value=value, source=source, low=None, high=None)


def expression_of(value: float | sympy.Expr) -> sympy.Expr:
    """Return a number as an expression; an expression as it is.

    SymPy's own way evaluates whatever Python a text holds, so that no text may come near it.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(value, sympy.Expr):
        return value
    if isinstance(value, Integral):
        return sympy.Integer(int(value))
    if isinstance(value, Real):
        return sympy.Float(float(value))
    raise TypeError(f"wanted a number or an expression, not {value!r}")


def dimension_of(expression: sympy.Expr, units: dict[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """Work out the dimension of an expression, and check that its sums make sense.

    Parameters
    ----------
    expression : sympy.Expr
        Of sums, products, powers, Max, Min and ceiling.
    units : dict of Symbol to sympy.Expr
        Dimension of every free symbol, as in `DIMENSIONS`.

    Returns
    -------
    sympy.Expr
        A product of powers of base dimensions; equal ones compare equal.

    Raises
    ------
    UnitError
        If a sum adds different dimensions, or a symbol has none.
    """
    if expression.is_Symbol:
        if expression not in units:
            raise UnitError(f"{expression} has no unit")
        return units[expression]
    if expression.is_number:
        return DIMENSIONS["1"]
    parts = [dimension_of(argument, units) for argument in expression.args]
    if expression.is_Mul:
        return sympy.Mul(*parts)
    if expression.is_Pow:
        return parts[0] ** expression.exp
    if isinstance(expression, sympy.ceiling):
        return parts[0]  # a count rounded up counts the same
    if expression.is_Add or isinstance(expression, sympy.Max | sympy.Min):
        # A zero has any dimension: Max(0, N - N_1) is a number of events. So may a one stand
        # beside a count: p - 1 is the other messages of a list.
        parted = list(zip(parts, expression.args, strict=True))
        counted = any(part in _COUNTS for part in parts)
        known = [
            part
            for part, argument in parted
            if not (argument.is_zero or (counted and argument.is_Integer))
        ]
        for part in known[1:]:
            if part != known[0]:
                raise UnitError(f"{expression} adds {known[0]} to {part}")
        return known[0]
    raise UnitError(f"cannot tell the dimension of {expression}")
