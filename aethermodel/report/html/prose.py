"""Plain prose as HTML: backticks mark code."""

from __future__ import annotations

import re
from html import escape

from aethermodel.text.number_format import unbroken

_CODE = re.compile("`([^`]+)`")


def prose(text: str) -> str:
    """Return a sentence as HTML that is safe to place."""
    return _CODE.sub(r"<code>\1</code>", unbroken(escape(text)))
