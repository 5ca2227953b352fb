"""Markdown cells as HTML with formulas as MathML and headings that can be linked to."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import mistune
from mistune.plugins.math import math

from aethermodel.report.sanitize import free_id
from aethermodel.report.template import Heading
from aethermodel.report.tex import tex_box


class ReportMarkdown:
    """Renders the markdown cells of one page; headings get ids that the page does not hold.

    Parameters
    ----------
    ids : set of str
        The ids that the page holds, shared with its sanitizer.
    """

    def __init__(self, ids: set[str]) -> None:
        self._renderer = _Renderer(ids)
        self._render = mistune.create_markdown(
            renderer=self._renderer, plugins=["table", "strikethrough", "footnotes", math]
        )
        # The plugin registers its own rendering, which needs a script in the browser.
        self._renderer.register("block_math", _block_math)
        self._renderer.register("inline_math", _inline_math)

    def render(
        self, source: str, attachments: dict[str, dict[str, str]] | None = None
    ) -> tuple[str, list[Heading]]:
        """Return a cell's HTML, not yet sanitized, and its headings.

        Parameters
        ----------
        source : str
            The cell's markdown.
        attachments : dict, optional
            The cell's attachments: file name to {mime type: base64 data}.
        """
        self._renderer.headings = []
        self._renderer.attachments = attachments or {}
        return str(self._render(source)), self._renderer.headings


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, ids: set[str]) -> None:
        # Raw HTML passes: everything is sanitized afterwards.
        super().__init__(escape=False, allow_harmful_protocols=True)
        self.ids = ids
        self.given: set[str] = set()
        self.headings: list[Heading] = []
        self.attachments: dict[str, dict[str, str]] = {}

    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        words = unescape(re.sub(r"<[^>]*>", "", text)).strip()
        slug = re.sub(r"[^\w]+", "-", words.lower()).strip("-") or "section"
        anchor = free_id(slug, self.ids | self.given)
        self.given.add(anchor)
        self.headings.append(Heading(level, anchor, words))
        link = f'<a class="anchor" href="#{escape(anchor)}" aria-label="Link to this heading">#</a>'
        return f'<h{level} id="{escape(anchor)}">{text}{link}</h{level}>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        name = url.removeprefix("attachment:")
        if name != url and self.attachments.get(name):
            mime, data = next(iter(self.attachments[name].items()))
            url = f"data:{mime};base64,{''.join(data.split())}"
        return super().image(text, url, title)


def _block_math(_renderer: Any, text: str) -> str:
    return tex_box(text, display=True) + "\n"


def _inline_math(_renderer: Any, text: str) -> str:
    return tex_box(text)
