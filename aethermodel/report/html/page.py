"""Page of sections, by the template of executed notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aethermodel.report.html.css import BLOCK_STYLE
from aethermodel.report.html.prose import line_of, prose
from aethermodel.report.html.template import Heading, Page, Piece, fill
from aethermodel.report.outputs.ids import Ids

_ID = re.compile(r'\sid="([^"]*)"')
_NAMING = re.compile(r'(\s(?:id|aria-labelledby|aria-describedby)="|url\(#|href="#)([^")]+)')


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


def _html(thing: Any, ids: Ids) -> str:
    if isinstance(thing, str):
        return f"<p>{prose(thing)}</p>"
    # The page has the style once.
    return _with_own_ids(str(thing._repr_html_()).replace(BLOCK_STYLE, ""), ids)


def _with_own_ids(html: str, ids: Ids) -> str:
    """Rename the ids that the page holds already: a figure may be shown twice."""
    renamed = {name: ids.free(name) for name in dict.fromkeys(_ID.findall(html))}
    if all(name == free for name, free in renamed.items()):
        return html

    def replaced(match: re.Match[str]) -> str:
        names = (renamed.get(name, name) for name in match[2].split(" "))
        return match[1] + " ".join(names)

    return _NAMING.sub(replaced, html)


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
    sections = list(sections)
    ids = Ids(["report", "top", *(f"section-{number}" for number in range(len(sections)))])
    body = "".join(_html(thing, ids) for thing in opening)
    pieces = [
        Piece(f'<div class="cell"><h1 id="top">{line_of(title)}</h1>{body}</div>', [first], True)
    ]
    for number, section in enumerate(sections):
        heading = Heading(2, f"section-{number}", section.title)
        inside = "".join(_html(thing, ids) for thing in section.shown)
        html = f'<h2 id="{heading.anchor}">{line_of(section.title)}</h2>{inside}'
        pieces.append(Piece(f'<div class="cell">{html}</div>', [heading], True))
    headings = [piece.headings[0] for piece in pieces]
    return fill(Page(title, True, pieces, headings, None))
