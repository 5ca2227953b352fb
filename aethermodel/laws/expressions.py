"""Expressions: laws in SymPy's symbols."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from aethermodel.laws.terms import Term
from aethermodel.model.parameters import N


def places_of(terms: Sequence[Term]) -> dict[float, str]:
    """Names of knees, steps and packets by their value: N1, N2, ... in ascending order."""
    values = {
        value
        for term in terms
        if term.kind in ("ramp", "level", "slope", "packets")
        for value in (term.first, term.last)
        if 0 < value < float("inf")
    }
    return {value: f"N{index}" for index, value in enumerate(sorted(values), 1)}


def expression_of(terms: Sequence[Term]) -> sympy.Expr:
    """Sum of the terms, each times ``c0``, ``c1``, ..."""
    places = {value: sympy.Symbol(name, positive=True) for value, name in places_of(terms).items()}
    total = sympy.Integer(0)
    for index, term in enumerate(terms):
        total += sympy.Symbol(f"c{index}", nonnegative=True) * term.expression(N, places)
    return total
