"""Inline SVG of a matplotlib figure: deterministic and accessible.

What matplotlib writes is a document of its own: it names its parts ``figure_1``, ``axes_1`` ...
(twice the same ids on a page with two figures), sets a style for ``*`` (the whole page, once
inlined) and paints its ink black (invisible in a dark page). This module undoes all three.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape
from typing import TYPE_CHECKING

from aethermodel.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that follow the page: their custom properties are set by the project's style sheet.
_FOLLOWS_PAGE = {
    style.INK: "ink",
    style.QUIET: "quiet",
    style.GRID: "grid",
    style.PAPER: "paper",
    style.MODEL: "model",
    style.MEASURED: "measured",
}
_DOCUMENT = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_OPENING = re.compile(r"<svg[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')
_GEOMETRY = re.compile(r'\b(d|transform|points|x|y)="([^"]*)"')
_INDENT = re.compile(r">\s+<")
# Markers of one line: a hundred times the same style.
_MARKERS = re.compile(r"<g([^>]*)>((?:<use [^>]*/>)+)</g>")
_MARKER_STYLE = re.compile(r' style="([^"]*)"')
# The page's fonts, where a reader has them; matplotlib knows of those only that are installed here.
_FONTS = "'Segoe UI', 'Helvetica Neue', 'Arial', 'DejaVu Sans', sans-serif"
_OWN_FONTS = re.compile(r"'DejaVu Sans'(?:, sans-serif)?")
_LONG_DECIMAL = re.compile(r"(\.\d\d)\d+")
_COLOUR = re.compile("|".join(_FOLLOWS_PAGE), re.IGNORECASE)


def figure_svg(figure: Figure, title: str, description: str) -> str:
    """Draw a figure as one ``<svg>`` element.

    The same figure and texts give the same bytes. Every id starts with a prefix made from the
    content, so that several figures live on one page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; it is not changed.
    title, description : str
        The text alternative, announced in place of the drawing.

    Returns
    -------
    str
        An ``<svg role="img">`` element with ``<title>`` and ``<desc>``.

    Raises
    ------
    ValueError
        If the title or the description is empty.
    """
    if not title.strip() or not description.strip():
        raise ValueError("a figure needs a title and a description: its text alternative")
    buffer = io.StringIO()
    with style.styled():
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    drawing = _METADATA.sub("", _DOCUMENT.sub("", buffer.getvalue(), count=1))
    drawing = _STYLE.sub("", drawing).replace("xlink:href", "href")
    drawing = _OWN_FONTS.sub(_FONTS, drawing)
    drawing = _GEOMETRY.sub(_shorten, _INDENT.sub("><", drawing))
    drawing = _MARKERS.sub(_styled_once, drawing)
    drawing = _COLOUR.sub(
        lambda m: f"var(--ae-{_FOLLOWS_PAGE[m[0].lower()]}, {m[0].lower()})", drawing
    )
    digest = hashlib.sha256(f"{title}\0{description}\0{drawing}".encode()).hexdigest()
    return _introduce(_own_ids(drawing, f"ae{digest[:10]}"), title, description, digest)


def _shorten(attribute: re.Match[str]) -> str:
    """Keep two decimals of a coordinate: a hundredth of a point is below what a screen shows."""
    geometry = _LONG_DECIMAL.sub(r"\1", " ".join(attribute[2].split()))
    return f'{attribute[1]}="{geometry}"'


def _styled_once(group: re.Match[str]) -> str:
    """Say once for a group how all its markers look, where they look alike."""
    attributes, markers = group[1], group[2]
    styles = set(_MARKER_STYLE.findall(markers))
    if len(styles) != 1 or "style=" in attributes or markers.count("<use") == 1:
        return group[0]
    return f'<g{attributes} style="{styles.pop()}">{_MARKER_STYLE.sub("", markers)}</g>'


def _own_ids(drawing: str, prefix: str) -> str:
    """Drop the ids that nothing refers to and give the others a prefix."""
    referred = {target for _, target in _REFERENCE.findall(drawing)}
    drawing = _ID.sub(lambda m: f' id="{prefix}-{m[1]}"' if m[1] in referred else "", drawing)
    return _REFERENCE.sub(lambda m: f"{m[1]}{prefix}-{m[2]}", drawing)


def _introduce(drawing: str, title: str, description: str, digest: str) -> str:
    """Replace the opening tag: scales with the page and is announced by its texts."""
    opening = _OPENING.search(drawing)
    box = _VIEW_BOX.search(drawing)
    if opening is None or box is None:
        raise ValueError("matplotlib wrote no <svg> with a viewBox")
    name, text = f"ae{digest[:10]}-t", f"ae{digest[:10]}-d"
    return (
        f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{name} {text}" '
        'class="ae-svg" '
        'style="stroke-linejoin: round; stroke-linecap: butt">'
        f'<title id="{name}">{escape(title)}</title><desc id="{text}">{escape(description)}</desc>'
        + drawing[opening.end() :].strip()
    )
