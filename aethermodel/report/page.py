"""Sections as one HTML page, by the template that executed notebooks get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from aethermodel.report.css import BLOCK_STYLE
from aethermodel.report.prose import prose
from aethermodel.report.template import Heading, Page, Piece, fill


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it.

    Attributes
    ----------
    title : str
    shown : list
        Objects with ``_repr_html_`` (figures, blocks, formulas), or plain text.
    """

    title: str
    shown: list[Any] = field(default_factory=list)


def _html(thing: Any) -> str:
    if isinstance(thing, str):
        return f"<p>{prose(thing)}</p>"
    # The page has the style once.
    return str(thing._repr_html_()).replace(BLOCK_STYLE, "")


def render(title: str, opening: list[Any], sections: Iterable[Section]) -> str:
    """Return a page without script and network, under the reports' content security policy.

    Parameters
    ----------
    title : str
    opening : list
        What stands between title and contents, such as the verdict.
    sections : iterable of Section
    """
    first = Heading(1, "top", title)
    body = "".join(map(_html, opening))
    pieces = [
        Piece(f'<div class="cell"><h1 id="top">{escape(title)}</h1>{body}</div>', [first], True)
    ]
    for number, section in enumerate(sections):
        heading = Heading(2, f"section-{number}", section.title)
        inside = "".join(map(_html, section.shown))
        html = f'<h2 id="{heading.anchor}">{escape(section.title)}</h2>{inside}'
        pieces.append(Piece(f'<div class="cell">{html}</div>', [heading], True))
    headings = [piece.headings[0] for piece in pieces]
    return fill(Page(title, True, pieces, headings, None))
