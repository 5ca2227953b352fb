"""Markdown cells as HTML with formulas as MathML and headings that can be linked to."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import mistune
from mistune.plugins.math import math

from aethermodel.report.html.prose import kept_whole
from aethermodel.report.html.template import Heading
from aethermodel.report.math.tex import tex_box
from aethermodel.report.outputs.ids import Ids

# Notebooks know LaTeX's environments without dollar signs too.
_ENVIRONMENT = r"^ {0,3}\\begin\{(?P<environment_name>[a-z]+\*?)\}"
_LONGEST_ENVIRONMENT = 20_000
# What costs time: signs of markdown, and formulas, each about as much as twenty more letters.
_MOST_SIGNS = 150_000
_MOST_FORMULAS, _EACH_FORMULA = 100_000, 20
_SIGN = re.compile(r"[\[\]<>*_`$|~\-\\\n]")


class ReportMarkdown:
    """Renders the markdown of one page; headings get ids that the page does not hold.

    Parameters
    ----------
    ids : Ids
        The ids that the page holds, shared with its sanitizer.
    """

    def __init__(self, ids: Ids) -> None:
        self._renderer = _Renderer(ids)
        self._signs = 0
        self._formulas_left = _MOST_FORMULAS
        self._render = mistune.create_markdown(
            renderer=self._renderer,
            plugins=["table", "strikethrough", "footnotes", "task_lists", "url", math],
        )
        self._render.block.register("environment", _ENVIRONMENT, _environment, before="list")
        # The plugins register their own renderings, which need a script or a form.
        self._renderer.register("block_math", lambda _, text: self.formula(text, display=True))
        self._renderer.register("inline_math", lambda _, text: self.formula(text))
        self._renderer.register("task_list_item", _task)

    def is_long(self, source: str) -> bool:
        """Whether a text, with all that was rendered, would take too long to be typeset."""
        return self._signs + len(_SIGN.findall(source)) > _MOST_SIGNS

    def formula(self, source: str, *, display: bool = False) -> str:
        """Return a formula as MathML; the source of it where a page has very many."""
        cost = len(source) + _EACH_FORMULA
        if cost > self._formulas_left:
            return f'<code class="tex">{escape(source.strip())}</code>'
        self._formulas_left -= cost
        return tex_box(source, display=display) + ("\n" if display else "")

    def text(self, source: str) -> str:
        """Return markdown as HTML, not yet sanitized, for what is no cell."""
        return f"<pre>{escape(source)}</pre>" if self.is_long(source) else self.render(source)[0]

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
        self._signs += len(_SIGN.findall(source))
        self._renderer.headings = []
        self._renderer.attachments = attachments or {}
        return str(self._render(source)), self._renderer.headings


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, ids: Ids) -> None:
        # Raw HTML passes: everything is sanitized afterwards.
        super().__init__(escape=False, allow_harmful_protocols=True)
        self.ids = ids
        self.headings: list[Heading] = []
        self.attachments: dict[str, dict[str, str]] = {}

    def text(self, text: str) -> str:
        return kept_whole(super().text(text))

    def codespan(self, text: str) -> str:
        return kept_whole(super().codespan(text))

    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        words = unescape(re.sub(r"<[^>]*>", "", text)).strip()
        slug = re.sub(r"[^\w]+", "-", words.lower()).strip("-") or "section"
        anchor = self.ids.free(slug)
        self.headings.append(Heading(level, anchor, words))
        link = f'<a class="anchor" href="#{escape(anchor)}" aria-label="Link to this heading">#</a>'
        return f'<h{level} id="{escape(anchor)}">{text}{link}</h{level}>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        name = url.removeprefix("attachment:")
        if name != url and self.attachments.get(name):
            mime, data = next(iter(self.attachments[name].items()))
            url = f"data:{mime};base64,{''.join(data.split())}"
        return super().image(text, url, title)


def _environment(_block: Any, match: re.Match[str], state: Any) -> int:
    end = rf"\end{{{match.group('environment_name')}}}"
    source: str = state.src
    stop = source.find(end, match.end(), match.end() + _LONGEST_ENVIRONMENT)
    if stop < 0:  # text, to the end of its paragraph: line by line takes the square of it
        blank = source.find("\n\n", match.end())
        stop = blank if blank >= 0 else len(source)
        state.add_paragraph(source[match.start() : stop])
        return stop
    stop += len(end)
    state.append_token({"type": "block_math", "raw": source[match.start() : stop]})
    following = source.find("\n", stop)
    rest = source[stop : following if following >= 0 else len(source)]
    return stop + len(rest) + 1 if not rest.strip() else stop


def _task(_renderer: Any, text: str, checked: bool = False) -> str:
    box, said = ("\N{BALLOT BOX WITH CHECK}", "done") if checked else ("\N{BALLOT BOX}", "to do")
    mark = f'<span role="img" aria-label="{said}">{box}</span> '
    before, opening, rest = text.partition("<p>")
    item = before + opening + mark + rest if opening and not before.strip() else mark + text
    return f'<li class="task">{item}</li>\n'
