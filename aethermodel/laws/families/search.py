"""Search: the best of many structures of a law, on all points and on each fold, at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.families.structures import Structures, Terms
from aethermodel.laws.families.terms import design

Floats = NDArray[np.float64]

# Keeps a structure whose columns are alike on a fold's points solvable; of columns scaled to one.
_RIDGE = 1e-9
# A column that is all but absent from a fold's points decides nothing there.
_ABSENT = 1e-12
# Numbers worked on at once: so much memory is at hand, more is fetched from the system each time.
_AT_ONCE = 1 << 15
# Gains that differ by less are one: those of the same law written in two ways.
_ALIKE = 1e-12


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
    structures: Structures,
    n: Floats,
    seconds: Floats,
    weights: Floats,
    second: Floats | None = None,
) -> Found:
    """Fit every structure on every fold; return the best of each fold.

    Parameters
    ----------
    structures : Structures
        Of those that fit alike, the first is taken.
    n, seconds : ndarray, shape (m,)
    weights : ndarray, shape (folds, m)
        Weight of each point's squared error in each fold, in 1/s^2; 0 where it is left out.
    second : ndarray, shape (m,), optional
        Second variable.
    """
    places = structures.places
    values = np.ascontiguousarray(design(structures.shared, n, second).T)
    size = places.shape[1]
    # Each product of two columns is summed over the points of all folds in one multiplication.
    one, other = np.triu_indices(size)
    sums = np.empty((len(weights), len(places), one.size + size))
    block = max(_AT_ONCE // (n.size * (one.size + size)), 1)
    for start in range(0, len(places), block):
        chosen = values[places[start : start + block]]  # laws, terms, points
        products = np.concatenate([chosen[:, one] * chosen[:, other], chosen * seconds], axis=1)
        sums[:, start : start + block] = np.moveaxis(products @ weights.T, -1, 0)
    where = np.empty((size, size), dtype=np.intp)
    where[one, other] = where[other, one] = np.arange(one.size)
    solution, gain = nonnegative(sums[..., where], sums[..., one.size :])
    # Structures that differ in what a fold does not show gain alike, and rounding must not choose:
    # the first of them is taken.
    best = np.argmax(gain >= (1 - _ALIKE) * gain.max(axis=1, keepdims=True), axis=1)
    return Found(
        tuple(structures[i] for i in best.tolist()),
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
    free = present.astype(np.float64)
    solution = _solved(gram, right, free)
    for _ in range(size):
        negative = solution < 0
        again = negative.any(axis=-1)
        if not again.any():
            break
        free[negative] = 0.0
        solution[again] = _solved(gram[again], right[again], free[again])
    solution = np.maximum(solution, 0.0) * free
    error = 2 * right - np.einsum("...ij,...j->...i", gram, solution)
    return np.asarray(solution / safe), np.einsum("...i,...i->...", solution, error)


def _solved(gram: Floats, right: Floats, free: Floats) -> Floats:
    """Least squares of the free columns, which are 1; the others, which are 0, are held at zero."""
    held = gram * free[..., :, None] * free[..., None, :]
    # Held columns have a one on the diagonal, free ones next to nothing more.
    np.einsum("...ii->...i", held)[...] += 1.0 + (_RIDGE - 1.0) * free
    return np.asarray(np.linalg.solve(held, (free * right)[..., None])[..., 0])
