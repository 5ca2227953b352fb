"""The cells of an executed notebook as the pieces of a page.

A report is read for its words and figures. Code, and what it said on standard error, waits in
one closed box behind the output that it led to, so that ten cells of setting up do not stand
before the verdict.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aethermodel.report.markdown import ReportMarkdown
from aethermodel.report.notebook import Stream
from aethermodel.report.outputs import OutputRenderer, preformatted
from aethermodel.report.sanitize import Sanitizer
from aethermodel.report.template import Heading, Page, Piece

if TYPE_CHECKING:
    from aethermodel.report.notebook import Cell, Notebook, Output

_NAMES = {"parameters": "Parameters (defaults)", "injected-parameters": "Parameters of this run"}
_CONTENTS_FROM = 3


def build_page(notebook: Notebook, title: str) -> Page:
    """Render a notebook's cells.

    Cells tagged ``remove-cell``, ``remove-input`` or ``remove-output`` lose what the tag says;
    ``hide-input`` is what every cell gets. Raw cells are left out, except raw HTML.

    Parameters
    ----------
    notebook : Notebook
        An executed one.
    title : str
        Title of the page; the notebook's own title, else its first heading, when empty.

    Returns
    -------
    Page
        The same notebook gives the same page.
    """
    builder = _Builder(notebook)
    for cell in notebook.cells:
        builder.add(cell)
    builder.finish()
    headings = [heading for piece in builder.pieces for heading in piece.headings]
    first = next((heading.text for heading in headings if heading.level == 1), "")
    contents = [heading for heading in headings if heading.level in (2, 3)]
    if len(contents) >= _CONTENTS_FROM:
        _opening(builder.pieces).opens = True
    title = title or str(notebook.metadata.get("title", "")) or first or "Report"
    return Page(title, bool(first), builder.pieces, contents, builder.outputs.failed)


def _opening(pieces: list[Piece]) -> Piece:
    """Return the piece before the contents: what a report shows first stands before them."""
    sections = [i for i, piece in enumerate(pieces) if any(h.level == 2 for h in piece.headings)]
    shown = next((i for i, piece in enumerate(pieces) if piece.is_output), len(pieces))
    place = next((i for i in sections if i > shown), sections[0] if sections else 0)
    return pieces[max(place - 1, 0)]


class _Builder:
    def __init__(self, notebook: Notebook) -> None:
        self.pieces: list[Piece] = []
        self._sanitizer = Sanitizer(reserved=("report",))
        self._markdown = ReportMarkdown(self._sanitizer.ids)
        self.outputs = OutputRenderer(self._sanitizer, self._markdown)
        self._language = notebook.metadata.get("language_info", {}).get("name", "python")
        self._waiting: list[str] = []

    def add(self, cell: Cell) -> None:
        tags = set(cell.metadata.get("tags", []))
        if "remove-cell" in tags:
            return
        if cell.cell_type == "code":
            self._add_code(cell, tags)
        elif cell.cell_type == "markdown":
            html, headings = self._markdown.render(cell.source, cell.attachments)
            self._add_prose(self._sanitizer.clean(html), headings)
        elif "text/html" in (cell.metadata.get("raw_mimetype"), cell.metadata.get("format")):
            self._add_prose(self._sanitizer.clean(cell.source), [])

    def finish(self) -> None:
        """Place the code after which nothing was shown."""
        if self._waiting:
            self.pieces.append(Piece(f'<div class="cell">{self._closed_box()}</div>'))

    def _add_prose(self, html: str, headings: list[Heading]) -> None:
        if html.strip():
            self.pieces.append(Piece(f'<div class="cell prose">{html}</div>', headings))

    def _add_code(self, cell: Cell, tags: set[str]) -> None:
        if cell.source.strip() and "remove-input" not in tags:
            named = next((words for tag, words in _NAMES.items() if tag in tags), "")
            self._waiting.append(
                (f'<div class="name">{named}</div>' if named else "")
                + f'<pre tabindex="0"><code>{self._highlighted(cell.source)}</code></pre>'
            )
        if "remove-output" in tags:
            return
        number = cell.execution_count
        name = f"cell {number}" if number else "a cell without a number"
        shown = ""
        for output in _joined(cell.outputs):
            if isinstance(output, Stream) and output.name == "stderr":
                said = preformatted(output.text)
                if said:
                    self._waiting.append(f'<div class="name">Standard error</div>{said}')
            else:
                shown += self.outputs.shown(output, name)
        if shown:
            html = f'<div class="cell">{shown}{self._closed_box()}</div>'
            self.pieces.append(Piece(html, is_output=True))

    def _closed_box(self) -> str:
        inside, self._waiting = "".join(self._waiting), []
        if not inside:
            return ""
        return f'<details class="code"><summary>Code</summary>{inside}</details>'

    def _highlighted(self, source: str) -> str:
        from pygments import highlight
        from pygments.formatters.html import HtmlFormatter
        from pygments.lexers.python import PythonLexer

        if self._language != "python":
            return escape(source)
        return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))).rstrip("\n")


def _joined(outputs: list[Output]) -> list[Output]:
    """Join the pieces in which a stream arrived."""
    joined: list[Output] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if isinstance(output, Stream) and isinstance(last, Stream) and output.name == last.name:
            joined[-1] = last.model_copy(update={"text": last.text + output.text})
        else:
            joined.append(output)
    return joined
