"""Quantities of parameter files: a number and a unit as written, converted to SI units on input."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from aethermodel.inputs.refusals import quoted

if TYPE_CHECKING:
    import pint

_NUMBER = r"[-+]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[-+]?[0-9]{1,3})?"
# One unit, or one over another. Pint would also reckon: 9**9**9 for a whole day.
_UNIT = r"[A-Za-z]{0,24}(?: ?/ ?[A-Za-z]{1,24})?"
_QUANTITY = re.compile(rf"({_NUMBER}) ?({_UNIT})")


def _written(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError("wanted a number with its unit, such as 75 ns")
    return text


#: Such as ``75 ns``, ``0.05 ns/B``, ``215e6 / s`` or ``32``.
Quantity = Annotated[str, AfterValidator(_written)]


@cache
def _registry() -> pint.UnitRegistry[float]:
    """Return the units; a registry takes a second to make."""
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry()
    registry.define("event = [event]")
    return registry


def si(text: str, unit: str) -> float:
    """Return the figure of a quantity in a unit, such as ``s``; the empty one is a plain number.

    Raises
    ------
    ValueError
        If the text is no quantity, or of another dimension.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{quoted(text)} is no number with its unit")
    written = found[2].strip()
    return convert(float(found[1]), f"1{written}" if written.startswith("/") else written, unit)


def read_quantity(text: str, unit: str) -> float:
    """Read a quantity that is not negative; a number alone is in `unit`.

    Parameters
    ----------
    text : str
        Such as ``5us``, ``3 ns/event`` or ``1e-6``.
    unit : str
        The SI unit that it is wanted in, such as ``s/event``.

    Raises
    ------
    ValueError
        If it is no such quantity.
    """
    try:
        value = float(text)
    except ValueError:
        value = si(text.strip(), unit)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"wanted is a quantity in {unit}, 0 or more, not {quoted(text)}")
    return value


def convert(number: float, written: str, unit: str) -> float:
    """Return a number of one unit in another.

    Raises
    ------
    ValueError
        If there is no such unit, or it is of another dimension.
    """
    import pint

    registry = _registry()
    try:
        value = float(registry.Quantity(number, registry.Unit(written)).to(unit).magnitude)
    except (pint.errors.PintError, AssertionError, TypeError, AttributeError, ValueError):
        wanted = unit or "a plain number"
        raise ValueError(f"{f'{number:g} {written}'!r} is not in {wanted}") from None
    if not math.isfinite(value):
        raise ValueError(f"{f'{number:g} {written}'!r} is not finite")
    return value
