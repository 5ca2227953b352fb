"""Figures for reading: significant digits, grouped thousands, and a prefix of the SI."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from aethermodel.text.percentages import MINUS

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}

# The space between a figure and its unit: of ``81.9 M msg/s`` the first one of two.
_GAP = re.compile(
    r"(?<=\d) (?=(?:%|[pnµm]?s(?:/\w+)?|[kKMGT]?i?B(?:/s)?|[kMGT]?bit/s|(?:[kMGT] )?\w+/s)(?!\w))"
)
# The other one: between the prefix and what is counted.
_PREFIX_GAP = re.compile(r"(?<=\d\N{NO-BREAK SPACE}[kMGT]) (?=\w+/s(?!\w))")

# Below it a size is none, such as the end of an interval that reaches down to nothing.
_NO_SIZE = 1e-4
#: From here on a size is no figure of anything: an end of an interval that knows none, whose
#: hundreds of digits would make a page as wide as they are.
NO_END = 1e18
# A batch size that is said.
_SIZE = re.compile(r"\bN = (?=\d)")
# A reciprocal, such as 1 / G.
_RECIPROCAL = re.compile(r"\b1 / (?=\w)")


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a figure and its unit, or within N = 100.

    Nor within a reciprocal.
    """
    glued = _PREFIX_GAP.sub("\N{NO-BREAK SPACE}", _GAP.sub("\N{NO-BREAK SPACE}", text))
    glued = _RECIPROCAL.sub("1\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}", glued)
    return _SIZE.sub("N\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}", glued)


def plain(value: float, digits: int = 3) -> str:
    """Write a figure with significant digits, grouped thousands and no stray exponent."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 12:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    decimals = max(digits - 1 - magnitude, 0)
    text = f"{round(value, digits - 1 - magnitude):,.{decimals}f}"
    return text.replace("-", MINUS)


def size_text(value: float, digits: int = 3) -> str:
    """Write a size: whole ones and large ones in full, others with significant digits.

    ``f"{value:,.3g}"`` would write a million as ``1e+06``.
    """
    if math.isnan(value):
        return "unknown"
    if abs(value) >= NO_END:
        return "unbounded"
    if float(value).is_integer() or abs(value) >= 10**digits or abs(value) < _NO_SIZE:
        return f"{value:,.0f}".replace("-", MINUS)
    return plain(value, digits)


def told_from(value: float, limit: float, write: Callable[[float, int], str], digits: int) -> str:
    """Write a figure with the digits that tell it from the limit that it is held against.

    A share of 89.6 % that had to be 90 % would read as 90 %, and its verdict as an error.

    Parameters
    ----------
    value, limit : float
    write : callable
        From a figure and a number of digits to the text.
    digits : int
        To begin with, and where three more do not tell them apart either.
    """
    for more in range(4):
        text = write(value, digits + more)
        if value == limit or text != write(limit, digits + more):
            return text
    return write(value, digits)


def prefixed(value: float, digits: int = 3) -> tuple[str, str]:
    """Return a finite figure scaled to its prefix, and the prefix: ``("122", "µ")``."""
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = 3 * math.floor(math.log10(abs(rounded)) / 3) if rounded else 0
    exponent = max(min(exponent, max(_PREFIXES)), min(_PREFIXES))
    return plain(rounded / 10.0**exponent, digits), _PREFIXES[exponent]
