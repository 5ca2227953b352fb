"""MathML of SymPy expressions, with units in a legend."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape, unescape
from typing import Any, NamedTuple

from aethermodel.report.html.css import BLOCK_STYLE
from aethermodel.report.math.line_breaks import broken
from aethermodel.text.number_format import unbroken

_PAGE_WIDTH = 60

# A hyphen is no minus, and indexed names that are multiplied need a little air.
_TYPOGRAPHY = {
    ">-</mo>": ">\N{MINUS SIGN}</mo>",
    "<mn>-": "<mn>\N{MINUS SIGN}",
    "<mo>\N{INVISIBLE TIMES}</mo>": '<mo lspace="0.14em" rspace="0.14em">\N{INVISIBLE TIMES}</mo>',
}


class Meaning(NamedTuple):
    """One row of a formula's legend."""

    symbol: Any
    """SymPy symbol, or the text to show."""
    meaning: str
    quantity: str = ""
    """Value with its unit, such as ``2.10 µs``; empty for a free variable."""


@dataclass(frozen=True)
class Formula:
    """A SymPy expression or equation that notebooks and reports show as MathML.

    Attributes
    ----------
    expression : sympy.Basic
        What to show, such as ``Eq(T_batch, T_loop + N * t_event)``. Name symbols ``beta_rec``,
        not ``beta_{rec}``: the part after the underscore becomes the index.
    legend : sequence of Meaning
        What the symbols mean, with values and units.
    as_written : bool
        Keep the order of sums built with ``evaluate=False`` instead of SymPy's own.
    more : Formula, optional
        The same in full, one click further.
    """

    expression: Any
    legend: Sequence[Meaning] = ()
    as_written: bool = False
    more: Formula | None = None

    def mathml(self) -> str:
        """Return the formula as a ``<math display="block">`` element."""
        return mathml(self.expression, as_written=self.as_written)

    def _repr_html_(self) -> str:
        legend = [Meaning(*row) for row in self.legend]
        valued = any(row.quantity for row in legend)
        rows = "".join(
            f"<tr><td>{_symbol(row.symbol)}</td><td>{escape(row.meaning)}</td>"
            + f'<td class="ae-n">{unbroken(escape(row.quantity))}</td>' * valued
            + "</tr>"
            for row in legend
        )
        table = (
            '<table><caption class="ae-hidden">Symbols of the formula</caption><thead><tr>'
            '<th scope="col">Symbol</th><th scope="col">Meaning</th>'
            + '<th scope="col" class="ae-n">Value</th>' * valued
            + f"</tr></thead><tbody>{rows}</tbody></table>"
        )
        box = '<div class="ae ae-formula ae-scroll" tabindex="0" role="group" aria-label="Formula">'
        return f"{BLOCK_STYLE}{box}{self.mathml()}{table if rows else ''}</div>{self._further()}"

    def _further(self) -> str:
        if self.more is None:
            return ""
        counted = f"In full, with all {len(self.more.legend)} symbols"
        inner = self.more._repr_html_().replace(BLOCK_STYLE, "")
        return f'<div class="ae"><details><summary>{counted}</summary>{inner}</details></div>'

    def _repr_latex_(self) -> str:
        import sympy

        order = "none" if self.as_written else None
        return f"$\\displaystyle {sympy.latex(self.expression, order=order)}$"


def mathml(
    expression: Any, *, display: bool = True, as_written: bool = False, width: int | None = None
) -> str:
    """Write a SymPy expression as presentation MathML.

    Parameters
    ----------
    expression : sympy.Basic
        Expression or equation; piecewise functions and maxima included.
    display : bool
        On a line of its own, else within a line of text.
    as_written : bool
        Keep the stored order of sums.
    width : int, optional
        Letters and signs after which a sum goes on in the next line; on a line of its own as
        many as the page has room for.

    Returns
    -------
    str
        One ``<math>`` element.

    Raises
    ------
    ValueError
        If `expression` is not a SymPy expression.
    """
    import sympy

    if not isinstance(expression, sympy.Basic):
        raise ValueError(f"a formula needs a SymPy expression, not {type(expression).__name__}")
    printer = _printer_class()({"order": "none"} if as_written else {})
    body = str(printer.lines(expression, width or (_PAGE_WIDTH if display else sys.maxsize)))
    for plain, typeset in _TYPOGRAPHY.items():
        body = body.replace(plain, typeset)
    return f'<math display="{"block" if display else "inline"}">{body}</math>'


def _symbol(symbol: Any) -> str:
    import sympy

    return mathml(symbol, display=False) if isinstance(symbol, sympy.Basic) else escape(str(symbol))


def _escape_texts(element: Any) -> None:
    """Escape every text: SymPy writes ``<`` raw and entities that only HTML knows."""
    for child in element.childNodes:
        if child.nodeType == child.TEXT_NODE:
            child.data = escape(unescape(child.data), quote=False)
        else:
            _escape_texts(child)


@cache
def _printer_class() -> type[Any]:
    """Return SymPy's printer with what it lacks; built at first use, as SymPy is slow to import."""
    from sympy import Symbol
    from sympy.printing.mathml import MathMLPresentationPrinter

    from aethermodel.model.notation import plus_first

    class Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # SymPy is untyped
        def _element(self, tag: str, *children: Any, **attributes: str) -> Any:
            element = self.dom.createElement(tag)
            for name, value in attributes.items():
                element.setAttribute(name, value)
            for child in children:
                text = isinstance(child, str)
                element.appendChild(self.dom.createTextNode(child) if text else child)
            return element

        def _as_ordered_terms(self, expression: Any, order: str | None = None) -> Any:
            return plus_first(super()._as_ordered_terms(expression, order))

        def lines(self, expression: Any, width: int) -> str:
            element = broken(self._print(expression), width)
            _escape_texts(element)
            return str(element.toxml())

        def _print_AppliedUndef(self, call: Any) -> Any:  # noqa: N802  # SymPy's naming
            name = self._print(Symbol(call.func.__name__))
            return self._element("mrow", name, self._paren_comma_separated(*call.args))

        def _print_Piecewise(self, pieces: Any) -> Any:  # noqa: N802
            rows = []
            for value, condition in pieces.args:
                when = self._element("mtext", "otherwise")
                if condition != True:  # noqa: E712  # SymPy's true is not Python's
                    when = self._element(
                        "mrow",
                        self._element("mtext", "for\N{NO-BREAK SPACE}"),
                        self._print(condition),
                    )
                rows.append(
                    self._element(
                        "mtr",
                        self._element("mtd", self._print(value), style="text-align: left"),
                        self._element("mtd", when, style="text-align: left"),
                    )
                )
            return self._element(
                "mrow",
                self._element("mo", "{", fence="true", stretchy="true"),
                self._element("mtable", *rows),
            )

    return Printer
