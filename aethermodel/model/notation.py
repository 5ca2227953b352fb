"""Notation: formulas as one writes them, whatever order SymPy keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy
from sympy.printing.str import StrPrinter


def written(summands: Sequence[sympy.Expr], producer: sympy.Expr | None = None) -> sympy.Eq:
    """Return T_batch as the sum of summands in their order, beside a producer the longer one."""
    total = sympy.Add(*summands, evaluate=False)
    if producer is not None:
        # Of SymPy's own Max the arguments have no order.
        total = sympy.Function("max")(total, producer)
    return sympy.Eq(sympy.Symbol("T_batch"), total, evaluate=False)


def plus_first(summands: Iterable[Any]) -> list[Any]:
    """Return summands with one first that is added, where there is one: 1 - x, not -x + 1."""
    ordered = list(summands)
    first = next((s for s in ordered if not s.could_extract_minus_sign()), None)
    if first is None:
        return ordered
    ordered.remove(first)
    return [first, *ordered]


def as_text(expression: sympy.Expr) -> str:
    """Return an expression as text, its sums in their order."""
    return str(_Text({"order": "none"}).doprint(expression))


class _Text(StrPrinter):  # type: ignore[misc]  # SymPy is untyped
    def _as_ordered_terms(self, expression: sympy.Expr, order: str | None = None) -> list[Any]:
        return plus_first(super()._as_ordered_terms(expression, order))
