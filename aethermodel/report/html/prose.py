"""Plain prose as HTML: backticks mark code."""

from __future__ import annotations

import re
from html import escape

from aethermodel.text.number_format import unbroken

_CODE = re.compile("`([^`]+)`")


# An option, which a line would end within, after its hyphens.
_OPTION = re.compile(r"(?<![^\s`(])--?[a-z][a-z0-9-]*")


def prose(text: str) -> str:
    """Return a sentence as HTML that is safe to place."""
    whole = _OPTION.sub(r'<span class="ae-whole">\g<0></span>', unbroken(escape(text)))
    return _CODE.sub(r"<code>\1</code>", whole)
