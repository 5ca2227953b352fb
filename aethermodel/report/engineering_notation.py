"""Quantities in engineering notation."""

from __future__ import annotations

import math

from aethermodel.text.number_format import NO_END, plain, prefixed
from aethermodel.text.percentages import MINUS

_SCALED = frozenset({"s", "B", "B/s", "Hz", "1/s", "msg/s", "bit/s"})
_PER_SECOND = {"1/s": "/s"}
# Counts of things: exact, in full, and more than one of them in the plural.
_COUNTED = frozenset({"event", "call", "argument", "message", "packet"})
# Derived units whose first unit takes the prefix: 8 ns per event reads better than 8e-9 s.
_FIRST = ("s/", "B/")


def engineering(value: float, unit: str = "", digits: int = 3) -> str:
    """Write a quantity with an SI prefix, such as ``122 µs`` or ``81.9 M msg/s``.

    Parameters
    ----------
    value : float
        The quantity in base units (seconds, bytes, messages per second).
    unit : str
        The base unit. A prefix is set only before units that take one; other units keep their
        plain figure. Counts (``event``, ``call`` ...) are written in full, with their plural; of
        a figure without dimension, ``1``, no unit is written.
    digits : int
        Significant digits, at least 1.

    Returns
    -------
    str
        The quantity; a figure that is not finite is written in words.
    """
    if digits < 1:
        raise ValueError(f"digits must be at least 1, not {digits}")
    value = float(value)
    if math.isnan(value):
        return "unknown"
    counted = unit in _COUNTED or (unit == "1" and value.is_integer())
    if math.isinf(value) or (counted and abs(value) >= NO_END):
        return "unbounded" if value > 0 else f"{MINUS}unbounded"
    if counted:
        return _counted(value, unit.removeprefix("1"))
    unit = "" if unit == "1" else unit
    # Of things: events, messages, or whatever a column of one's own counts.
    rate = unit == "msg/s" or (unit.endswith("/s") and unit not in _SCALED)
    # Less than one a second is 0.200 msg/s: in 200 m msg/s the m reads as a million, in 200 m/s as
    # metres.
    few = (rate or unit == "1/s") and abs(value) < 1
    scaled = not few and (rate or unit in _SCALED or unit.startswith(_FIRST))
    rounded = float(f"{value:.{digits - 1}e}")
    figure, prefix = prefixed(value, digits) if scaled else (plain(rounded, digits), "")
    shown = _PER_SECOND.get(unit, unit)
    # "81.9 M msg/s": a prefix glued to a word would read as another word.
    gap = " " if prefix and rate else ""
    return f"{figure} {prefix}{gap}{shown}".rstrip()


def _counted(value: float, thing: str) -> str:
    whole = round(value)
    written = f"{whole:,}".replace("-", MINUS)
    return f"{written} {thing}{'s' if thing and whole != 1 else ''}".rstrip()


def interval(low: float, high: float, unit: str = "", digits: int = 3) -> str:
    """Write a range, its unit once where both ends share it: ``4.89 to 7.14 ns/event``."""
    first, last = engineering(low, unit, digits), engineering(high, unit, digits)
    figure, gap, rest = first.partition(" ")
    # Nothing is nothing in any unit, with any prefix.
    shared = gap and (last.endswith(f" {rest}") or figure == "0")
    return f"{figure if shared else first} to {last}"


def count(value: float) -> str:
    """Write a count in full with grouped thousands: ``10,000``."""
    return f"{int(value):,}"
