"""Plain prose as HTML: backticks mark code."""

from __future__ import annotations

import re
from html import escape

_CODE = re.compile("`([^`]+)`")
_UNIT = re.compile(r"(?<=\d) (?=(?:%|[pnµm]?s|[kMGT]?i?B(?:/s)?|[kMGT] [a-z]+/s)(?!\w))")


def prose(text: str) -> str:
    """Return a sentence as HTML that is safe to place."""
    return _CODE.sub(r"<code>\1</code>", unbroken(escape(text)))


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a figure and its unit."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", text)
