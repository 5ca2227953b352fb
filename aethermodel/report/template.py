"""What a page is made of, and the template that makes a whole document of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aethermodel.report.css import PAGE_STYLE, TEMPLATES


@dataclass(frozen=True)
class Heading:
    """A heading of the report: its level (1 to 6), its id and its text."""

    level: int
    anchor: str
    text: str


@dataclass
class Piece:
    """Some of the page.

    Attributes
    ----------
    html : str
        Safe to place.
    headings : list of Heading
        The headings in it.
    is_output : bool
        It shows what a code cell showed.
    opens : bool
        The table of contents follows it.
    """

    html: str
    headings: list[Heading] = field(default_factory=list)
    is_output: bool = False
    opens: bool = False


@dataclass(frozen=True)
class Page:
    """All that the page template shows."""

    title: str
    has_title: bool
    pieces: list[Piece]
    contents: list[Heading]
    failed: str | None
    style: str = PAGE_STYLE


def fill(page: Page) -> str:
    """Return a page as HTML, under the content security policy of all reports."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False)
    return templates.get_template("report.html.j2").render(page=page)
