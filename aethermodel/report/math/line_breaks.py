"""Line breaks in long formulas, which browsers do not make."""

from __future__ import annotations

from html import unescape
from typing import Any

_SIGNS = ("+", "-", "\N{MINUS SIGN}")
_FACTOR = ""  # what multiplies without a sign takes no room


def broken(formula: Any, width: int) -> Any:
    """Return a formula whose sum is broken before its signs where it is wider than wanted.

    So is the sum over a fraction's bar, where that alone is wider.

    Parameters
    ----------
    formula : xml.dom.minidom.Element
        Presentation MathML of a sum, or of an equation with a sum on its right.
    width : int
        Letters and signs a line may have.

    Returns
    -------
    xml.dom.minidom.Element
        `formula` itself where it is no sum or fits; else a table, one row a line.
    """
    if len(_text(formula)) <= width:
        return formula
    left, summands = _equation(formula)
    room = width - sum(len(_text(part)) for part in left)
    for fraction in formula.getElementsByTagName("mfrac"):
        _break_numerator(fraction, room)
    lines = _lines(summands, room)
    if len(lines) < 2:
        return formula
    return _table(formula.ownerDocument, lines, left)


def _break_numerator(fraction: Any, room: int) -> None:
    numerator = fraction.firstChild
    if len(_text(numerator)) > room:
        lines = _lines(_opened(numerator, room // 2), room, (*_SIGNS, _FACTOR))
        fraction.replaceChild(_table(fraction.ownerDocument, lines, []), numerator)


def _opened(part: Any, room: int) -> list[Any]:
    """The parts of a row, and of those rows in it that are wider than wanted."""
    if part.nodeName != "mrow" or len(_text(part)) <= room:
        if _text(part) in ("(", ")"):
            part.setAttribute("stretchy", "false")  # its other half may stand on another line
        return [part]
    return [each for child in list(part.childNodes) for each in _opened(child, room)]


def _table(document: Any, lines: list[list[Any]], left: list[Any]) -> Any:
    table = document.createElement("mtable")
    for number, line in enumerate(lines):
        row = table.appendChild(document.createElement("mtr"))
        if left:
            row.appendChild(_cell(document, left if number == 0 else [], "right"))
        row.appendChild(_cell(document, line, "left"))
    return table


def _equation(formula: Any) -> tuple[list[Any], list[Any]]:
    """Split into what stands left of the sum, and the sum's parts with their signs."""
    parts = list(formula.childNodes)
    for place, part in enumerate(parts):
        if _text(part) == "=":
            right = parts[place + 1 :]
            return parts[: place + 1], list(right[0].childNodes) if len(right) == 1 else right
    return [], parts


def _lines(parts: list[Any], room: int, signs: tuple[str, ...] = _SIGNS) -> list[list[Any]]:
    lines: list[list[Any]] = [[]]
    used = 0
    for place, part in enumerate(parts):
        is_sign = part.nodeName == "mo" and _text(part) in signs
        following = parts[place + 1] if is_sign and place + 1 < len(parts) else None
        length = len(_text(part))
        if following is not None and used and used + length + len(_text(following)) > room:
            if not _text(part):  # a line that began with the factor would read as one of its own
                part.firstChild.data = "\N{MULTIPLICATION SIGN}"
            part.setAttribute("form", "infix")  # else a leading sign stands close, as a minus does
            lines.append([])
            used = 0
        lines[-1].append(part)
        used += length
    return lines


def _cell(document: Any, parts: list[Any], side: str) -> Any:
    cell = document.createElement("mtd")
    cell.setAttribute("style", f"text-align: {side}")
    row = cell.appendChild(document.createElement("mrow"))
    for part in parts:
        row.appendChild(part)  # which takes it from where it was
    return cell


def _text(element: Any) -> str:
    if element.nodeType == element.TEXT_NODE:
        # SymPy writes entities; what multiplies without a sign takes no room.
        return "".join(unescape(element.data).replace("\N{INVISIBLE TIMES}", "").split())
    return "".join(map(_text, element.childNodes))
