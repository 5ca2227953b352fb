"""Search: the best of many structures of a law, on all points and on each fold, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.terms import Term, design

Floats = NDArray[np.float64]
Terms = tuple[Term, ...]

# Keeps a structure whose columns are alike on a fold's points solvable; of columns scaled to one.
_RIDGE = 1e-9
# A column that is all but absent from a fold's points decides nothing there.
_ABSENT = 1e-12


class Found(NamedTuple):
    """Best structure of a family on each fold.

    Attributes
    ----------
    terms : tuple of tuples of Term, one a fold
    coefficients : tuple of ndarray, one a fold
    """

    terms: tuple[Terms, ...]
    coefficients: tuple[Floats, ...]


def search(
    structures: Sequence[Terms],
    n: Floats,
    seconds: Floats,
    weights: Floats,
    second: Floats | None = None,
) -> Found:
    """Fit every structure on every fold; return the best of each fold.

    Parameters
    ----------
    structures : sequence of tuples of Term
        All of the same number of terms.
    n, seconds : ndarray, shape (m,)
    weights : ndarray, shape (folds, m)
        Weight of each point's squared error in each fold, in 1/s^2; 0 where it is left out.
    second : ndarray, shape (m,), optional
        Second variable.
    """
    # A term that several structures share is evaluated once.
    index: dict[Term, int] = {}
    for terms in structures:
        for term in terms:
            index.setdefault(term, len(index))
    columns = design(tuple(index), n, second)
    places = np.array([[index[term] for term in terms] for terms in structures])
    chosen = np.ascontiguousarray(columns.T[places])  # structures, terms, points
    weighed = weights[:, None, None, :] * chosen
    grams = weighed @ np.swapaxes(chosen, 1, 2)
    rights = weighed @ seconds
    solution, gain = nonnegative(grams, rights)
    best = np.argmax(gain, axis=1)
    return Found(
        tuple(tuple(structures[i]) for i in best),
        tuple(solution[fold, i] for fold, i in enumerate(best)),
    )


def nonnegative(gram: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Solve many small non-negative least-squares problems by their normal equations.

    Parameters
    ----------
    gram : ndarray, shape (..., k, k)
    right : ndarray, shape (..., k)

    Returns
    -------
    solution : ndarray, shape (..., k)
    gain : ndarray, shape (...)
        By how much the squared error is less than that of a zero law.

    Notes
    -----
    What comes out negative is held at zero and the rest solved again, until nothing is negative:
    the active-set method of Lawson and Hanson 1974, chapter 23, without the way back, which
    problems of so few columns hardly ever take.
    """
    size = right.shape[-1]
    scale = np.sqrt(np.einsum("...ii->...i", gram))
    largest = scale.max(axis=-1, keepdims=True)
    present = scale > _ABSENT * np.where(largest > 0, largest, 1.0)
    safe = np.where(present, scale, 1.0)
    gram = gram / (safe[..., :, None] * safe[..., None, :])
    right = right / safe
    free = present.copy()
    solution = np.zeros_like(right)
    identity = np.eye(size)
    for _ in range(size + 1):
        both = free[..., :, None] & free[..., None, :]
        held = np.where(both, gram, 0.0) + identity * np.where(free, _RIDGE, 1.0)[..., None]
        solved = np.linalg.solve(held, np.where(free, right, 0.0)[..., None])
        solution = np.asarray(solved[..., 0], dtype=np.float64)
        negative = solution < 0
        if not negative.any():
            break
        free &= ~negative
    solution = np.maximum(solution, 0.0) * free
    linear = np.einsum("...i,...i->...", solution, right)
    square = np.einsum("...i,...ij,...j->...", solution, gram, solution)
    return np.asarray(solution / safe), np.asarray(2 * linear - square)
