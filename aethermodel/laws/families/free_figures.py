"""Free figures: knees and exponents that a fit moves, and the law's derivative by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.families import EXPONENTS
from aethermodel.laws.families.search import Terms
from aethermodel.laws.families.terms import Term, design, power

Floats = NDArray[np.float64]

# Relative step of a numeric derivative: half the digits of a double.
_DELTA = 1e-6
# Seconds in place of none, as by n alone at no event: its square is still a number.
_LEAST_TIME = 1e-100
_TINY = 1e-300
#: Kinds of terms whose figures are knees.
BENDS = ("ramp", "bottleneck")


def free_values(terms: Terms) -> list[float]:
    """Figures that the fit moves: knees, and exponents of no known algorithm, ascending."""
    knees = {
        value
        for term in terms
        if term.kind in BENDS
        for value in (term.first, term.last)
        if 0 < value < float("inf")
    }
    return sorted(knees) + [term.first for term in terms if free_exponent(term)]


def free_exponent(term: Term) -> bool:
    """Whether a term's exponent was fitted."""
    return term.kind == "power" and abs(term.first) not in EXPONENTS and term.first != 0


def moved(terms: Terms, before: float, after: float) -> Terms:
    """Replace one free figure wherever it stands."""

    def one(term: Term) -> Term:
        if term.kind in BENDS:
            ends = [after if value == before else value for value in (term.first, term.last)]
            return Term(term.kind, *ends)
        if free_exponent(term) and term.first == before:
            return Term("power", after, term.last)
        return term

    return tuple(one(term) for term in terms)


def gradient(
    terms: Terms, coefficients: Floats, n: Floats, second: Floats | None = None
) -> tuple[Floats, Floats]:
    """Law at sizes `n`, and its relative derivative by coefficients and free figures."""
    columns = design(terms, n, second)
    law = np.maximum(columns @ coefficients, _LEAST_TIME)
    parts = [columns]
    for value in free_values(terms):
        step = max(abs(value), _DELTA) * _DELTA
        after = design(moved(terms, value, value + step), n, second) @ coefficients
        parts.append(((after - columns @ coefficients) / step)[:, None])
    return law, np.concatenate(parts, axis=1) / law[:, None]


def curves(terms: Terms, drawn: Floats, n: Floats, second: Floats | None = None) -> Floats:
    """The law at sizes `n` for many sets of its figures.

    Parameters
    ----------
    terms : tuple of Term
    drawn : ndarray, shape (draws, terms + free figures)
        Coefficients, then what `free_values` names, in its order.
    n : ndarray, shape (k,)
    second : ndarray, shape (k,), optional

    Returns
    -------
    ndarray, shape (draws, k)
    """
    free = free_values(terms)
    figures = {
        value: np.maximum(column, _TINY)[:, None] if value > 0 else column[:, None]
        for value, column in zip(free, drawn[:, len(terms) :].T, strict=True)
    }
    costs = drawn[:, : len(terms)].T
    still = [not _has_free(term, figures) for term in terms]
    kept = tuple(term for term, one in zip(terms, still, strict=True) if one)
    total = np.asarray(costs[still].T @ design(kept, n, second).T)
    for term, cost, one in zip(terms, costs, still, strict=True):
        if one:
            continue
        if term.kind == "ramp":
            first, last = (figures.get(end, end) for end in (term.first, term.last))
            column = np.maximum(np.minimum(n, last) - first, 0.0)
        elif term.kind == "bottleneck":
            column = np.maximum(1.0, n / figures[term.first])
        else:
            column = power(n, figures[term.first], np.asarray(term.last))
        total += cost[:, None] * column
    return total


def _has_free(term: Term, figures: dict[float, Floats]) -> bool:
    knee = term.kind in BENDS and bool({term.first, term.last} & figures.keys())
    return knee or free_exponent(term)
