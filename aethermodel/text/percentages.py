"""Percentages, written in one way: figure, space, sign."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"
#: What is said of a change that is not known.
UNKNOWN = "cannot be told"


def percentage(share: float, digits: int = 1) -> str:
    """Write a part of a whole in per cent, without a sign: ``86.8 %``."""
    return percent(share, digits).removeprefix("+")


def percent(share: float, digits: int = 1) -> str:
    """Write a signed share in per cent: ``+3.2 %``, ``+469 %``, and ``+1,280,000 %``.

    From 100 % on the digits after the point say nothing, and from 1,000 % on no more than three.
    """
    if not math.isfinite(share):
        return "unknown"
    if abs(share) >= 1 and digits == 1:
        digits = 0
    rounded = round(100 * share, digits)
    if abs(share) >= 10:
        rounded = float(f"{100 * share:.2e}")
    sign = "+" if rounded else ""  # neither +0 nor -0
    return f"{rounded + 0.0:{sign},.{digits}f} %".replace("-", MINUS)
