"""Page template and its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from aethermodel.report.html.css import PAGE_STYLE, TEMPLATES
from aethermodel.report.outputs.losses import Loss

_VERDICT = 'class="ae ae-summary'
# As many are seen at a glance.
_FEW_HEADINGS = 3


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
    """

    html: str
    headings: list[Heading] = field(default_factory=list)
    is_output: bool = False


@dataclass(frozen=True)
class Page:
    """All that the page template shows.

    Attributes
    ----------
    title : str
    has_title : bool
        Among the pieces is a heading of the first level.
    pieces : list of Piece
    headings : list of Heading
        All of the pieces'; contents are made of them where there are enough.
    failed : str or None
        The error that the notebook stopped with, in words.
    passed : list of str
        Errors after which it went on.
    sheets : list of str
        Style sheets of outputs, each for its own output alone.
    losses : list of Loss
        What of the notebook is not shown.
    style : str
        The page's own style sheet.
    """

    title: str
    has_title: bool
    pieces: list[Piece]
    headings: list[Heading]
    failed: str | None
    passed: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    style: str = PAGE_STYLE

    @property
    def contents(self) -> list[Heading]:
        """The headings below the title; none where a reader sees all of them at once."""
        titles = [heading for heading in self.headings if heading.level == 1]
        skipped = titles[0] if len(titles) == 1 else None
        listed = [h for h in self.headings if h.level <= 3 and h is not skipped]
        return listed if len(listed) > _FEW_HEADINGS else []


def fill(page: Page) -> str:
    """Return a page as HTML, under the content security policy of all reports."""
    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False)
    template = templates.get_template("report.html.j2")
    pieces = [piece.html for piece in page.pieces]
    if page.contents:
        place = _opening(page.pieces)
        contents = str(templates.get_template("contents.html.j2").render(page=page))
        pieces[place] = _placed(page.pieces[place], contents)
    return template.render(page=page, pieces=pieces)


def _opening(pieces: list[Piece]) -> int:
    """Return the piece after which, or within which, the contents stand.

    They stand before the first section, and below a verdict that the first section opens with.
    """
    sections = [i for i, piece in enumerate(pieces) if any(h.level > 1 for h in piece.headings)]
    if not sections:
        return next(i for i, piece in enumerate(pieces) if piece.headings)
    first, second = (*sections, len(pieces))[:2]
    verdict = next((i for i in range(second) if _VERDICT in pieces[i].html), None)
    if verdict is not None and verdict > first:
        return verdict
    within = first == 0 or any(h.level == 1 for h in pieces[first].headings)
    return first if within else first - 1


def _placed(piece: Piece, contents: str) -> str:
    """Put the contents behind a piece, or between its title and its first section."""
    if all(h.level == 1 for h in piece.headings):
        return piece.html + contents
    title, end, rest = piece.html.partition("</h1>")
    return title + end + contents + rest if end else contents + piece.html
