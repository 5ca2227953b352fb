"""Expressions: laws in SymPy's symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aethermodel.laws.families.free_figures import free_exponent
from aethermodel.laws.families.terms import Term

if TYPE_CHECKING:
    import sympy


def names_of(terms: Sequence[Term]) -> dict[float, str]:
    """Names of a law's figures other than costs, by their value.

    Knees, steps, changes and packets are N1, N2, ... in ascending order, a fitted exponent is a.
    """
    places = {
        value
        for term in terms
        if term.kind in ("ramp", "level", "slope", "bottleneck")
        for value in (term.first, term.last)
        if 0 < value < float("inf")
    } | {term.first for term in terms if term.kind == "packets"}
    named = {value: f"N{index}" for index, value in enumerate(sorted(places), 1)}
    exponents = [term.first for term in terms if free_exponent(term)]
    return named | {value: f"a{index or ''}" for index, value in enumerate(exponents)}


def expression_of(terms: Sequence[Term]) -> sympy.Expr:
    """Sum of the terms, each times ``c0``, ``c1``, ..."""
    import sympy

    from aethermodel.model.parameters import N

    symbols = {value: _symbol(name) for value, name in names_of(terms).items()}
    total = sympy.Integer(0)
    for index, term in enumerate(terms):
        total += sympy.Symbol(f"c{index}", nonnegative=True) * term.expression(N, symbols)
    return total


def _symbol(name: str) -> sympy.Symbol:
    import sympy

    return sympy.Symbol(name, real=True) if name[0] == "a" else sympy.Symbol(name, positive=True)
