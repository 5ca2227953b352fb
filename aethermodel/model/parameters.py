"""Parameter: a named quantity with unit, interval and source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real

import sympy
from sympy.physics.units import Dimension, length, time
from sympy.physics.units.systems.si import dimsys_SI

#: Batch size: events in one batch.
N = sympy.Symbol("N", positive=True)

#: Handler calls in one tick: topics that have both events and a handler.
K = sympy.Symbol("K", nonnegative=True)

# Events, bytes, handler calls, call arguments, messages and packets are counts of different
# things. SI calls them all "1", which would let seconds per event pass for seconds; a made-up
# base dimension each keeps them apart.
_EVENT = Dimension("event")
_CALL = Dimension("call")
_BYTE = Dimension("byte")
_ARGUMENT = Dimension("argument")
_MESSAGE = Dimension("message")
_PACKET = Dimension("packet")
_COUNTS = (_EVENT, _CALL, _BYTE, _ARGUMENT, _MESSAGE, _PACKET)
_SYSTEM = dimsys_SI.extend(_COUNTS)

DIMENSIONS: dict[str, Dimension] = {
    "1": Dimension(1),
    "s": time,
    "s/event": time / _EVENT,
    "s/call": time / _CALL,
    "event": _EVENT,
    "call": _CALL,
    "s/argument": time / _ARGUMENT,
    "argument": _ARGUMENT,
    "B": _BYTE,
    "B/s": _BYTE / time,
    "s/B": time / _BYTE,
    "B/event": _BYTE / _EVENT,
    "message": _MESSAGE,
    "s/message": time / _MESSAGE,
    "B/message": _BYTE / _MESSAGE,
    "event/message": _EVENT / _MESSAGE,
    "packet": _PACKET,
    "s/packet": time / _PACKET,
    "B/packet": _BYTE / _PACKET,
    "m": length,
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


def dimension_of(expression: sympy.Expr, units: dict[sympy.Symbol, Dimension]) -> Dimension:
    """Work out the dimension of an expression, and check that its sums make sense.

    Parameters
    ----------
    expression : sympy.Expr
        Of sums, products, powers, Max, Min and ceiling.
    units : dict of Symbol to Dimension
        Dimension of every free symbol.

    Returns
    -------
    sympy.physics.units.Dimension

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
        return Dimension(1)
    parts = [dimension_of(argument, units) for argument in expression.args]
    if expression.is_Mul:
        product = Dimension(1)
        for part in parts:
            product = product * part
        return product
    if expression.is_Pow:
        return parts[0] ** expression.exp
    if isinstance(expression, sympy.ceiling):
        return parts[0]  # a count rounded up counts the same
    if expression.is_Add or isinstance(expression, sympy.Max | sympy.Min):
        # A zero has any dimension: Max(0, N - N_1) is a number of events. So may a one stand
        # beside a count: p - 1 is the other messages of a list.
        parted = list(zip(parts, expression.args, strict=True))
        counted = any(same_dimension(part, count) for part in parts for count in _COUNTS)
        known = [
            part
            for part, argument in parted
            if not (argument.is_zero or (counted and argument.is_Integer))
        ]
        for part in known[1:]:
            if not same_dimension(known[0], part):
                raise UnitError(f"{expression} adds {known[0].name} to {part.name}")
        return known[0]
    raise UnitError(f"cannot tell the dimension of {expression}")


def same_dimension(left: Dimension, right: Dimension) -> bool:
    """Tell whether two dimensions are the same, counts of different things kept apart."""
    return bool(_SYSTEM.equivalent_dims(left, right))
