"""Cell outputs as HTML: the richest form that needs no script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from aethermodel.report.html.markdown import ReportMarkdown
from aethermodel.report.html.notebook import Failure, Stream
from aethermodel.report.outputs.losses import Loss
from aethermodel.report.outputs.sanitize import Clean, Sanitizer
from aethermodel.report.outputs.terminal_text import plain, preformatted

if TYPE_CHECKING:
    from aethermodel.report.html.notebook import Display, Output

_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_SEEN = re.compile(r"<(?:img|svg|math|audio|video|hr)\b")
_TAGS = re.compile("<[^>]*>")
# How Python names an object that says nothing of itself.
_NAMELESS = re.compile(r"\s*<[\w.]+(?: object)?(?: at 0x[0-9a-f]+)?>\s*")
_PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SCRIPTS = ("application/javascript", "text/javascript")
# Standard error of more lines is folded, so that a library's warnings do not bury the results.
_FOLDED_FROM = 8


# From a form's body, the text alternative of a picture, and what is said about the form.
_Render = Callable[[Any, str, dict[str, Any]], Clean]


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
    losses : list of Loss
        What could not be shown so far.
    """

    def __init__(self, sanitizer: Sanitizer, markdown: ReportMarkdown) -> None:
        self.losses: list[Loss] = []
        self._sanitizer = sanitizer
        self._markdown = markdown
        # The first form of an output that shows anything is taken.
        self._forms: dict[str, _Render] = {
            "text/html": lambda body, words, _: sanitizer.output(body, words),
            "image/svg+xml": lambda body, words, _: sanitizer.output(body, words),
            **{form: self._image_of(form) for form in _PICTURES[1:]},
            "text/markdown": lambda body, words, _: sanitizer.output(markdown.text(body), words),
            "text/latex": lambda body, words, _: sanitizer.output(self._latex(body), words),
            "application/json": lambda body, *_: Clean(preformatted(_indented(body))),
            "text/plain": lambda body, *_: Clean(preformatted(body)),
        }

    def shown(self, output: Output, cell: str) -> str:
        """Return the HTML of a result, a display, an error or a stream.

        Parameters
        ----------
        output : Output
            One output of a code cell.
        cell : str
            What to call the cell, such as ``cell 3``.

        Returns
        -------
        str
            HTML that is safe to place; empty when there is nothing to show. What cannot be
            shown is named in its place.
        """
        if isinstance(output, Failure):
            return _error(output)
        if isinstance(output, Stream):
            return _stream(output)
        clean, lost = self._richest(output, cell)
        lost = list({loss.kind: loss for loss in reversed(lost)}.values())[::-1]
        part = bool(clean.html)
        self.losses += [loss._replace(part=part) for loss in lost]
        box = _box(clean) if part else ""
        # A picture that is not there is named in its place.
        noted = [loss for loss in lost if not (part and loss.kind == "picture")]
        return box + "".join(_note(loss, part=part) for loss in noted)

    def _richest(self, output: Display, cell: str) -> tuple[Clean, list[Loss]]:
        """Return the first form that shows anything, and what is lost with it."""
        data = output.data
        lost = [Loss("script")] if any(form in data for form in _SCRIPTS) else []
        if _WIDGET in data:
            lost.append(Loss("viewer", "an interactive widget"))
        known = (*self._forms, *_SCRIPTS, _WIDGET)
        beyond = [Loss("viewer", form) for form in data if form not in known]
        for form, render in self._forms.items():
            if form not in data:
                continue
            own = output.metadata.get(form)
            about = own if isinstance(own, dict) else output.metadata
            words = str(about.get("alt") or f"Figure in the output of {cell}")
            clean = render(data[form], words, about)
            still = any(picture in data for picture in _PICTURES) and form == "text/html"
            if still and any(loss.kind == "script" for loss in clean.losses):
                continue  # what the script would draw is there as a picture
            if form == "text/plain":  # the name of an object stands for what a viewer would draw
                lost = lost or beyond
            if form == "text/plain" and lost and _NAMELESS.fullmatch(str(data[form])):
                continue
            lost += clean.losses
            if _visible(clean.html):
                return clean, lost
        return Clean(""), lost or beyond

    def _image_of(self, form: str) -> _Render:
        def image(body: str, words: str, about: dict[str, Any]) -> Clean:
            encoded = "".join(body.split())
            if not _BASE64.fullmatch(encoded):
                return Clean("", [Loss("broken", form)])
            source = f"data:{form};base64,{encoded}"
            size = "".join(
                f' {side}="{about[side]}"'
                for side in ("width", "height")
                if isinstance(about.get(side), int)
            )
            img = f'<img src="{source}" alt="{escape(words)}"{size}>'
            return self._sanitizer.output(img, words)

        return image

    def _latex(self, body: str) -> str:
        return self._markdown.formula(body.strip().strip("$"), display=True)


def _box(clean: Clean) -> str:
    """Put an output into the box that it cannot leave."""
    named = f' id="{clean.scope}"' if clean.scope else ""
    paper = " paper" if clean.coloured else ""
    return f'<div class="output{paper}"{named}>{clean.html}</div>'


def _note(loss: Loss, *, part: bool) -> str:
    said = "Not all of this output is shown" if part else "An output is not shown"
    address = loss.detail
    where = ""
    if address.startswith(("https://", "http://")):
        link = escape(address)
        where = f': <a rel="noopener noreferrer" href="{link}">{link}</a>'
        loss = loss._replace(detail="")
    return f'<p class="missing">{said}: {escape(loss.why)}{where}.</p>'


def _visible(html: str) -> bool:
    return bool(_SEEN.search(html)) or bool(_TAGS.sub("", html).strip())


def _stream(output: Stream) -> str:
    said = preformatted(output.text)
    if output.name != "stderr" or not said:
        return said
    lines = plain(output.text).strip("\n").count("\n") + 1
    if lines < _FOLDED_FROM:
        return f'<div class="stderr"><div class="name">Standard error</div>{said}</div>'
    summary = f"<summary>Standard error, {lines} lines</summary>"
    return f'<details class="stderr">{summary}{said}</details>'


def _error(output: Failure) -> str:
    trace = preformatted("\n".join(output.traceback))
    details = f"<details><summary>Traceback</summary>{trace}</details>" if trace else ""
    return f'<div class="error"><strong>{escape(error_words(output))}</strong>{details}</div>'


def error_words(output: Failure) -> str:
    """Return an error as one line of text."""
    return " ".join(plain(f"{output.ename}: {output.evalue}").split())


def _indented(body: Any) -> str:
    if isinstance(body, str):
        return body
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False)
