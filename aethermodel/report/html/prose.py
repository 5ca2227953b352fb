"""Plain prose as HTML: backticks mark code."""

from __future__ import annotations

import re
from html import escape

from aethermodel.text.number_format import unbroken

_CODE = re.compile("`([^`]+)`")
# An option, a date, or a value such as soft-roce: a line would end at each hyphen in them. Nothing
# within a name that goes on, such as that of a file.
_HYPHENATED = re.compile(r"(?<![^\s`(;>])(?:--?[a-z][a-z0-9-]*|\w+(?:-\w+)+)")
#: Most characters of a word that stay together: in a heading they fit the line of a phone.
_MOST = 20


def kept_whole(escaped: str) -> str:
    """Return escaped text, without tags, that breaks within no figure and no short word."""
    return _HYPHENATED.sub(_whole, unbroken(escaped))


def line_of(text: str) -> str:
    """Return text as HTML that is safe to place, and breaks within no figure and no short word."""
    return kept_whole(escape(text))


def _whole(word: re.Match[str]) -> str:
    long = len(word[0]) > _MOST and not word[0].startswith("-")
    return word[0] if long else f'<span class="ae-whole">{word[0]}</span>'


def prose(text: str) -> str:
    """Return a sentence as HTML that is safe to place."""
    return _CODE.sub(r"<code>\1</code>", line_of(text))
