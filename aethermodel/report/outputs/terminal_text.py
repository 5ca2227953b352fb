"""Terminal text as HTML: colours kept, progress overwritten."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from aethermodel.report.contrast import Rgb, hexadecimal, readable

if TYPE_CHECKING:
    from rich.style import Style

# The grounds of ``pre`` in the page's light and dark colours (``--ae-raised`` in page.css).
GROUNDS: tuple[Rgb, Rgb] = ((0xF5, 0xF7, 0xF9), (0x1C, 0x23, 0x2B))
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Z]|[@-_])"
)
_COLOUR = re.compile(r"\x1b\[[\d;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_MANY_SPANS = 20_000


def preformatted(text: str) -> str:
    """Return a terminal's text as a box that scrolls; empty when nothing is visible."""
    shown = _lines(text)
    if not _ESCAPE.sub("", shown).strip():
        return ""
    if shown.count("\x1b") > _MANY_SPANS:
        shown = _ESCAPE.sub("", shown)
    return f'<pre tabindex="0">{_coloured(shown)}</pre>'


def plain(text: str) -> str:
    """Return what a terminal would show at the end, without its colours."""
    return _ESCAPE.sub("", _lines(text)).replace("\x1b", "")


def _lines(text: str) -> str:
    """Leave out what was overwritten, and all control sequences but those of colours."""
    whole = _ESCAPE.sub(lambda m: m[0] if _COLOUR.fullmatch(m[0]) else "", text)
    lines = whole.replace("\r\n", "\n").strip("\n").split("\n")
    kept = (_last_written(line.rstrip("\r")) for line in lines)
    return "\n".join(_CONTROL.sub("", line) for line in kept)


def _last_written(line: str) -> str:
    over, _, last = line.rpartition("\r")
    # A colour set in what was overwritten still holds.
    return "".join(_COLOUR.findall(over)) + last


def _coloured(text: str) -> str:
    if "\x1b" not in text:
        return escape(text)
    from rich.ansi import AnsiDecoder

    decoder, written = AnsiDecoder(), []
    for line in text.split("\n"):
        decoded = decoder.decode_line(line)
        place, parts = 0, []
        for span in decoded.spans:
            parts.append(escape(decoded.plain[place : span.start]))
            words, place = decoded.plain[span.start : span.end], span.end
            css = _css(span.style) if not isinstance(span.style, str) else ""
            parts.append(f'<span style="{css}">{escape(words)}</span>' if css else escape(words))
        written.append("".join([*parts, escape(decoded.plain[place:])]))
    return "\n".join(written)


@lru_cache(maxsize=1024)
def _css(style: Style) -> str:
    """Write a terminal's style so that it can be read on a light and on a dark page."""
    front = _rgb(style, "color")
    ground = _rgb(style, "bgcolor")
    if style.reverse:
        front, ground = ground or GROUNDS[0], front or (0x1F, 0x29, 0x33)
    parts = []
    if ground:
        parts.append(f"background: {hexadecimal(ground)}")
        parts.append(f"color: {hexadecimal(readable(front or (0, 0, 0), ground))}")
    elif front:
        light, dark = (hexadecimal(readable(front, under)) for under in GROUNDS)
        parts.append(f"color: light-dark({light}, {dark})")
    if style.bold:
        parts.append("font-weight: 600")
    if style.italic:
        parts.append("font-style: italic")
    lines = [w for w, on in (("underline", style.underline), ("line-through", style.strike)) if on]
    if lines:
        parts.append(f"text-decoration: {' '.join(lines)}")
    return "; ".join(parts)


def _rgb(style: Style, name: str) -> Rgb | None:
    colour = getattr(style, name)
    if colour is None or colour.is_default:
        return None
    red, green, blue = colour.get_truecolor()
    return red, green, blue
