"""A cell's outputs as HTML: the richest form of each that needs no script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from aethermodel.report.markdown import ReportMarkdown
from aethermodel.report.notebook import Failure, Stream
from aethermodel.report.sanitize import Sanitizer
from aethermodel.report.tex import tex_box

if TYPE_CHECKING:
    from aethermodel.report.notebook import Output

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")


class OutputRenderer:
    """Renders the outputs of one page's cells.

    Parameters
    ----------
    sanitizer : Sanitizer
        The page's sanitizer; everything that an output brings passes through it.
    markdown : ReportMarkdown
        The page's markdown renderer.

    Attributes
    ----------
    failed : str or None
        The first error that the notebook stopped with, in words.
    """

    def __init__(self, sanitizer: Sanitizer, markdown: ReportMarkdown) -> None:
        self.failed: str | None = None
        self._sanitizer = sanitizer
        self._markdown = markdown
        # The first form that an output has is the one shown; widgets have their text only.
        self._forms: dict[str, Callable[[Any, str], str]] = {
            "text/html": sanitizer.clean,
            "image/svg+xml": sanitizer.clean,
            "image/png": lambda body, words: self._image("png", body, words),
            "image/jpeg": lambda body, words: self._image("jpeg", body, words),
            "text/markdown": lambda body, _: sanitizer.clean(markdown.render(body)[0]),
            "text/latex": lambda body, _: sanitizer.clean(_latex(body)),
            "text/plain": lambda body, _: preformatted(body),
            "application/json": lambda body, _: preformatted(_indented(body)),
        }

    def shown(self, output: Output, cell: str) -> str:
        """Return the HTML of a result, a display, an error or standard output.

        Parameters
        ----------
        output : Output
            One output of a code cell.
        cell : str
            What to call the cell, such as ``cell 3``.

        Returns
        -------
        str
            HTML that is safe to place; empty when there is nothing to show.
        """
        if isinstance(output, Failure):
            return self._error(output, cell)
        if isinstance(output, Stream):
            return preformatted(output.text)
        form = next((form for form in self._forms if form in output.data), None)
        if form is None:
            return ""
        own = output.metadata.get(form)
        named = own if isinstance(own, dict) else output.metadata
        words = str(named.get("alt") or f"Figure in the output of {cell}")
        html = self._forms[form](output.data[form], words)
        return f'<div class="output">{html}</div>' if html else ""

    def _image(self, kind: str, body: str, words: str) -> str:
        encoded = "".join(body.split())
        if not _BASE64.fullmatch(encoded):
            return ""
        source = f"data:image/{kind};base64,{encoded}"
        return self._sanitizer.clean(f'<img src="{source}" alt="{escape(words)}">')

    def _error(self, output: Failure, cell: str) -> str:
        words = terminal_text(f"{output.ename}: {output.evalue}")
        if self.failed is None:
            self.failed = f"In {cell}: {words}"
        trace = preformatted("\n".join(output.traceback))
        return (
            f'<div class="error"><strong>{escape(words)}</strong>'
            f"<details><summary>Traceback</summary>{trace}</details></div>"
        )


def preformatted(text: str) -> str:
    """Return a terminal's text as a box that scrolls; empty when nothing is visible."""
    shown = terminal_text(text).strip("\n")
    return f'<pre tabindex="0">{escape(shown)}</pre>' if shown.strip() else ""


def terminal_text(text: str) -> str:
    """Return what a terminal would show at the end: no colours, no overwritten progress."""
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    kept = (line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return "\n".join(_CONTROL.sub("", line) for line in kept)


def _latex(body: str) -> str:
    return tex_box(body.strip().strip("$"), display=True)


def _indented(body: Any) -> str:
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False)
