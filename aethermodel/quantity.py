"""Quantities as people write them: ``5 us``, ``3 ns/event``, ``40 GB/s``."""

from __future__ import annotations

import math
from functools import cache
from typing import Any


@cache
def _registry() -> Any:
    import pint  # which takes a tenth of a second

    registry = pint.UnitRegistry()
    registry.define("event = [event]")
    return registry


def read_quantity(text: str, unit: str) -> float:
    """Read a quantity.

    Parameters
    ----------
    text : str
        A number and a unit; a number alone is in `unit`.
    unit : str
        The SI unit that the quantity is wanted in, such as ``s/event``.

    Returns
    -------
    float
        In `unit`, finite and not negative.

    Raises
    ------
    ValueError
        If it is no such quantity.
    """
    try:
        try:
            value = float(text)
        except ValueError:
            value = float(_registry().Quantity(text).to(unit).magnitude)
    except Exception:  # pint raises whatever its parser, Python's own, comes across
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"a quantity in {unit} or with a unit that becomes it, not {text!r}")
    return value
