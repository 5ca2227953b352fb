"""Notebook cells as the pieces of a page.

A report is read for its words and figures. Code waits in one closed box behind the output that
it led to, so that ten cells of setting up do not stand before the verdict.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aethermodel.report.html.markdown import ReportMarkdown
from aethermodel.report.html.notebook import Failure, Stream
from aethermodel.report.html.template import Heading, Page, Piece
from aethermodel.report.outputs.cell_outputs import OutputRenderer, error_words
from aethermodel.report.outputs.losses import Loss
from aethermodel.report.outputs.sanitize import Clean, Sanitizer
from aethermodel.report.outputs.terminal_text import preformatted

if TYPE_CHECKING:
    from aethermodel.report.html.notebook import Cell, Notebook, Output

_NAMES = {"parameters": "Parameters (defaults)", "injected-parameters": "Parameters of this run"}
_LINK = re.compile(r'href="#([^"]+)"')


def build_page(notebook: Notebook, title: str) -> Page:
    """Render a notebook's cells.

    Cells tagged ``remove-cell``, ``remove-input`` or ``remove-output`` lose what the tag says;
    ``hide-input`` is what every cell gets. Raw cells are shown where they are HTML, Markdown or
    plain text.

    Parameters
    ----------
    notebook : Notebook
        An executed one.
    title : str
        Title of the page; the notebook's own title, else its first heading, when empty.

    Returns
    -------
    Page
        The same notebook gives the same page. Its `losses` say what is not shown.
    """
    builder = _Builder(notebook)
    for cell in notebook.cells:
        builder.add(cell)
    builder.finish()
    headings = [heading for piece in builder.pieces for heading in piece.headings]
    first = next((heading.text for heading in headings if heading.level == 1), "")
    title = title or str(notebook.metadata.get("title", "")) or first or "Report"
    stopped, passed = _errors(notebook)
    return Page(
        title,
        bool(first),
        builder.pieces,
        headings,
        stopped,
        passed=passed,
        sheets=builder.sheets,
        losses=builder.losses,
    )


def _errors(notebook: Notebook) -> tuple[str | None, list[str]]:
    """Return the error that ended the run, and those after which it went on.

    A cell that is tagged to raise one is neither.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    stopped, passed = None, []
    for place, cell in enumerate(code):
        error = next((o for o in cell.outputs if isinstance(o, Failure)), None)
        if error is None or "raises-exception" in _tags(cell):
            continue
        words = f"In {_called(cell)}: {error_words(error)}"
        if any(_ran_after(cell, other) for other in code[place + 1 :]):
            passed.append(words)
        elif stopped is None:
            stopped = words
    return stopped, passed


def _ran_after(cell: Cell, other: Cell) -> bool:
    if cell.execution_count is None or other.execution_count is None:
        return cell.execution_count is None and bool(other.outputs)
    return other.execution_count > cell.execution_count


def _called(cell: Cell) -> str:
    number = cell.execution_count
    return f"cell {number}" if number else "a cell without a number"


def _tags(cell: Cell) -> set[str]:
    tags = cell.metadata.get("tags")
    return {str(tag) for tag in tags} if isinstance(tags, list) else set()


class _Builder:
    def __init__(self, notebook: Notebook) -> None:
        self.pieces: list[Piece] = []
        self._sanitizer = Sanitizer(reserved=("report",))
        self._markdown = ReportMarkdown(self._sanitizer.ids)
        self._outputs = OutputRenderer(self._sanitizer, self._markdown)
        language = notebook.metadata.get("language_info")
        self._language = language.get("name") if isinstance(language, dict) else "python"
        self._waiting: list[str] = []
        # As Jupyter names a heading's anchor, to the anchor that it has here.
        self._anchors: dict[str, str] = {}

    @property
    def sheets(self) -> list[str]:
        """Style sheets of outputs."""
        return self._sanitizer.sheets

    @property
    def losses(self) -> list[Loss]:
        """All that is not shown."""
        return self._outputs.losses

    def add(self, cell: Cell) -> None:
        tags = _tags(cell)
        if "remove-cell" in tags:
            return
        if cell.cell_type == "code":
            self._add_code(cell, tags)
        elif cell.cell_type == "markdown":
            self._add_markdown(cell)
        else:
            self._add_raw(cell)

    def finish(self) -> None:
        """Place the code after which nothing was shown, and lead links to their headings."""
        if self._waiting:
            self.pieces.append(Piece(f'<div class="cell">{self._closed_box()}</div>'))
        for piece in self.pieces:
            piece.html = _LINK.sub(self._led, piece.html)

    def _led(self, link: re.Match[str]) -> str:
        name = unquote(unescape(link[1]))
        if name in self._sanitizer.ids or name not in self._anchors:
            return link[0]
        return f'href="#{escape(self._anchors[name])}"'

    def _add_markdown(self, cell: Cell) -> None:
        if self._markdown.is_long(cell.source):
            self._add_prose(Clean(preformatted(cell.source), [Loss("long", part=True)]), [])
            return
        html, headings = self._markdown.render(cell.source, cell.attachments)
        for heading in headings:
            self._anchors.setdefault(heading.text.replace(" ", "-"), heading.anchor)
        clean = self._sanitizer.prose(html, [heading.anchor for heading in headings])
        self._add_prose(clean, headings)

    def _add_raw(self, cell: Cell) -> None:
        """Show a raw cell: one without a form is text, as in Jupyter."""
        form = str(cell.metadata.get("raw_mimetype") or cell.metadata.get("format") or "")
        if form in ("text/html", "html"):
            self._add_prose(self._sanitizer.prose(cell.source), [])
        elif form in ("text/markdown", "markdown"):
            self._add_markdown(cell)
        elif form in ("", "text/plain"):
            self._add_prose(Clean(preformatted(cell.source)), [])
        else:
            self._outputs.losses.append(Loss("raw", form))

    def _add_prose(self, clean: Clean, headings: list[Heading]) -> None:
        self._outputs.losses += [loss._replace(part=True) for loss in clean.losses]
        if clean.html.strip():
            paper = " paper" if clean.coloured else ""
            html = f'<div class="cell prose{paper}">{clean.html}</div>'
            self.pieces.append(Piece(html, headings))

    def _add_code(self, cell: Cell, tags: set[str]) -> None:
        if cell.source.strip() and "remove-input" not in tags:
            named = next((words for tag, words in _NAMES.items() if tag in tags), "")
            self._waiting.append(
                (f'<div class="name">{named}</div>' if named else "")
                + f'<pre tabindex="0"><code>{self._highlighted(cell.source)}</code></pre>'
            )
        if "remove-output" in tags:
            return
        name = _called(cell)
        shown = "".join(self._outputs.shown(output, name) for output in _joined(cell.outputs))
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
