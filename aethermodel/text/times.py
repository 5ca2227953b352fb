"""Times, written in one way: figure, space, unit."""

from __future__ import annotations

from aethermodel.text.number_format import prefixed
from aethermodel.text.percentages import MINUS


def duration(seconds: float) -> str:
    """Write a finite time with three digits and a fitting unit: ``1.62 µs``."""
    figure, prefix = prefixed(seconds)
    return f"{figure} {prefix}s"


def microseconds(seconds: float, digits: int = 0, *, signed: bool = False) -> str:
    """Write a time in microseconds: ``1,234 µs``, or signed ``+0.12 µs``.

    Parameters
    ----------
    seconds : float
    digits : int
        After the point.
    signed : bool
        Whether a gain has its plus.
    """
    return f"{seconds * 1e6:{'+' if signed else ''},.{digits}f} µs".replace("-", MINUS)
