"""Free figures: knees and exponents that a fit moves, and the law's derivative by them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.families import EXPONENTS
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import Term, design, power

Floats = NDArray[np.float64]

#: Seconds in place of none, as by n alone at no event: its square is still a number.
LEAST_TIME = 1e-100
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


def moved(terms: Sequence[Term], to: Mapping[float, float]) -> Terms:
    """Replace free figures, by their value, wherever they stand."""

    def one(term: Term) -> Term:
        if term.kind in BENDS:
            return Term(term.kind, to.get(term.first, term.first), to.get(term.last, term.last))
        if term.first in to and free_exponent(term):
            return Term("power", to[term.first], term.last)
        return term

    return tuple(one(term) for term in terms)


def gradient(
    terms: Terms,
    coefficients: Floats,
    n: Floats,
    second: Floats | None = None,
    columns: Floats | None = None,
) -> Floats:
    """Relative derivative of the law at sizes `n` by coefficients and free figures.

    Parameters
    ----------
    terms : tuple of Term
    coefficients : ndarray, shape (terms,)
    n : ndarray, shape (m,)
    second : ndarray, shape (m,), optional
    columns : ndarray, shape (m, terms), optional
        `design` of the terms, where it is at hand.

    Returns
    -------
    ndarray, shape (m, terms + free figures)
    """
    if columns is None:
        columns = design(terms, n, second)
    free = free_values(terms)
    rows = np.zeros((n.size, len(terms) + len(free)))
    rows[:, : len(terms)] = columns
    for term, cost, column in zip(terms, coefficients.tolist(), columns.T, strict=True):
        for place, value in enumerate(free, len(terms)):
            if cost and _has_free(term, (value,)):
                rows[:, place] += cost * term.slope(value, n, column)
    return rows / np.maximum(columns @ coefficients, LEAST_TIME)[:, None]


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


def _has_free(term: Term, figures: Container[float]) -> bool:
    if term.kind in BENDS:
        return term.first in figures or term.last in figures
    return free_exponent(term) and term.first in figures
