"""CSS of outputs: properties and values known to stay in their box.

Everything is parsed (tinycss2) and written anew from what is on the lists below. What would take
an element out of its place (position, transform, negative margins) is on none of them; that an
output cannot leave its box all the same is the page's own doing (``.output`` in ``page.css``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import tinycss2


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BOX = """background background-color background-image background-position background-repeat
background-size border-collapse border-radius border-spacing box-sizing caption-side clear
column-count column-gap columns display empty-cells float gap grid-auto-columns grid-auto-flow
grid-auto-rows grid-column grid-row grid-template-columns grid-template-rows height
justify-content justify-items justify-self align-content align-items align-self flex flex-basis
flex-direction flex-flow flex-grow flex-shrink flex-wrap list-style list-style-position
list-style-type max-height max-width min-height min-width opacity order overflow overflow-x
overflow-y padding padding-bottom padding-left padding-right padding-top row-gap table-layout
vertical-align visibility width border-top-left-radius border-top-right-radius
border-bottom-left-radius border-bottom-right-radius"""
_BORDERS = " ".join(
    f"border{side}{part}"
    for side in ("", "-top", "-right", "-bottom", "-left")
    for part in ("", "-color", "-style", "-width")
)
_TEXT = """color direction font font-family font-size font-stretch font-style font-variant
font-variant-numeric font-weight hyphens letter-spacing line-height overflow-wrap tab-size
text-align text-decoration text-decoration-color text-decoration-line text-decoration-style
text-overflow text-transform text-wrap white-space word-break word-spacing word-wrap"""
_DRAWING = """alignment-baseline baseline-shift clip-path clip-rule dominant-baseline fill
fill-opacity fill-rule marker marker-end marker-mid marker-start mask paint-order
shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap
stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-rendering
vector-effect"""
_MARGINS = _names("margin margin-bottom margin-left margin-right margin-top")
_PROPERTIES = _MARGINS | set(f"{_BOX} {_BORDERS} {_TEXT} {_DRAWING}".split())
_MAY_BE_NEGATIVE = _names("background-position baseline-shift stroke-dashoffset vertical-align")
_MAY_REFER = _names("clip-path fill marker marker-end marker-mid marker-start mask stroke")
_COLOURS = _names("color background background-color")
_COLOUR_FUNCTIONS = _names("rgb rgba hsl hsla hwb lab lch oklab oklch color")
_FUNCTIONS = _COLOUR_FUNCTIONS | _names(
    """calc clamp max min minmax repeat fit-content linear-gradient radial-gradient
repeating-linear-gradient"""
)
_ID_REFERENCE = re.compile(r"#[\w.:-]+")
_VARIABLES = ("--ae-", "--jp-")
_STATES = _names(
    """active checked empty even first-child first-of-type focus hover last-child last-of-type
link not nth-child nth-last-child nth-last-of-type nth-of-type odd only-child only-of-type
visited"""
)
# A screen is about a thousand; what is far beyond only pushes the rest of the report away.
_MOST_PIXELS = 20_000
_MOST_CHARACTERS = 1_000_000
_MOST_DECLARATIONS = 10_000


class Css(NamedTuple):
    """CSS that was cleaned."""

    text: str
    coloured: bool
    """It sets a colour of text or of a ground, so that it wants the ground it was made for."""


@lru_cache(maxsize=4096)
def declarations(text: str, prefix: str = "") -> Css:
    """Return what may stay of a style attribute.

    Parameters
    ----------
    text : str
        Declarations, from anyone.
    prefix : str
        Stands before each id that they refer to.
    """
    if len(text) > _MOST_DECLARATIONS:
        return Css("", False)
    parsed = tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True)
    return _declared(parsed, prefix)


def sheet(text: str, scope: str, prefix: str) -> Css:
    """Return what may stay of a style sheet, for what lies within one element.

    Parameters
    ----------
    text : str
        A sheet from anyone; beyond a megabyte it is left out.
    scope : str
        Id of the element.
    prefix : str
        Stands before each id in the sheet.
    """
    if len(text) > _MOST_CHARACTERS:
        return Css("", False)
    rules = [
        rule
        for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        if rule.type == "qualified-rule"
    ]
    # The rules that pandas gives every table only align, and the page aligns tables itself.
    if all(".dataframe" in tinycss2.serialize(rule.prelude) for rule in rules):
        return Css("", False)
    written, coloured = [], False
    for rule in rules:
        selectors = _selectors(rule.prelude, scope, prefix)
        parsed = tinycss2.parse_blocks_contents(
            rule.content, skip_comments=True, skip_whitespace=True
        )
        css = _declared(parsed, prefix)
        if selectors and css.text:
            written.append(f"{selectors} {{ {css.text} }}")
            coloured |= css.coloured
    return Css("\n".join(written), coloured)


def _declared(parsed: Iterable[Any], prefix: str) -> Css:
    kept, coloured = [], False
    for part in parsed:
        if part.type != "declaration" or part.lower_name not in _PROPERTIES:
            continue
        try:
            value = _value(part.value, part.lower_name, prefix)
        except (_RefusedError, RecursionError):
            continue
        kept.append(f"{part.lower_name}: {value}")
        coloured |= part.lower_name in _COLOURS and "var(" not in value
    return Css("; ".join(kept), coloured)


class _RefusedError(Exception):
    pass


def _value(tokens: list[Any], name: str, prefix: str) -> str:
    """Write a value whose every token may stay, references to ids with their prefix."""
    written = _stripped("".join(_token(token, name, prefix) for token in tokens))
    if not written or "<" in written:
        raise _RefusedError
    return written


def _stripped(text: str) -> str:
    """Leave out spaces at both ends, but for one that is escaped: it belongs to a name."""
    kept = text.strip()
    escaped = (len(kept) - len(kept.rstrip("\\"))) % 2
    return kept + " " * escaped


def _token(token: Any, name: str, prefix: str) -> str:
    kind = token.type
    if kind in ("number", "percentage", "dimension"):
        _check_size(token, name)
    elif kind == "function":
        return _function(token, name, prefix)
    elif kind == "url":
        return _local_url(token, name, prefix)
    elif kind == "string":
        if name not in ("font", "font-family"):
            raise _RefusedError
    elif kind == "literal":
        if token.value not in (",", "/", "+", "*", "-"):
            raise _RefusedError
    elif kind not in ("ident", "hash", "whitespace"):
        raise _RefusedError
    return str(token.serialize())


def _check_size(token: Any, name: str) -> None:
    if abs(token.value) > _MOST_PIXELS:
        raise _RefusedError
    if token.value < 0 and name not in _MAY_BE_NEGATIVE:
        raise _RefusedError


def _function(token: Any, name: str, prefix: str) -> str:
    inside = token.arguments
    if token.lower_name == "url":
        if len(inside) != 1:
            raise _RefusedError
        return _local_url(inside[0], name, prefix)
    if token.lower_name == "var":
        named = next((t for t in inside if t.type != "whitespace"), None)
        if named is None or not str(named.value).startswith(_VARIABLES):
            raise _RefusedError
    elif name in _MARGINS or token.lower_name not in _FUNCTIONS:
        raise _RefusedError
    return f"{token.lower_name}({''.join(_token(t, name, prefix) for t in inside)})"


def _local_url(token: Any, name: str, prefix: str) -> str:
    if name not in _MAY_REFER or not _ID_REFERENCE.fullmatch(token.value):
        raise _RefusedError
    return f"url(#{prefix}{token.value[1:]})"


def _selectors(prelude: list[Any], scope: str, prefix: str) -> str:
    """Write those of a rule's selectors that are understood, each below the element `scope`."""
    own = f"#{tinycss2.serialize_identifier(scope)}"
    groups: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            groups.append([])
        else:
            groups[-1].append(token)
    written = []
    for group in groups:
        try:
            written.append(f"{own} {_selector(group, prefix)}")
        except (_RefusedError, RecursionError):
            continue
    return ", ".join(written)


def _selector(tokens: list[Any], prefix: str, *, inner: bool = False) -> str:
    written, state = [], False
    for token in tokens:
        kind, after_colon, state = token.type, state, False
        if kind == "hash":
            written.append(f"#{tinycss2.serialize_identifier(prefix + token.value)}")
        elif kind == "literal" and token.value == ":" and not after_colon:
            state = True
            written.append(":")
        elif kind == "function" and after_colon and token.lower_name in _STATES:
            written.append(f"{token.lower_name}({_selector(token.arguments, prefix, inner=True)})")
        elif after_colon and not (kind == "ident" and token.lower_value in _STATES):
            raise _RefusedError
        elif kind == "literal" and token.value in "*.>+~":
            written.append(token.value)
        elif kind in ("ident", "whitespace", "[] block") or (
            inner and kind in ("number", "dimension")
        ):
            written.append(token.serialize())
        else:
            raise _RefusedError
    selector = _stripped("".join(written))
    if not selector or selector[0] in ">+~" or "<" in selector or "{" in selector:
        raise _RefusedError
    return selector
