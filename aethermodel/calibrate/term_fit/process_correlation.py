"""Correlation of process effects between terms that were timed in the same processes.

What makes one process slower than others (address layout, hash seed, the core it began on) may be
in all of its terms, in some or in one alone. The processes that were timed show which it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from aethermodel.calibrate.term_fit.joint_distribution import student
from aethermodel.calibrate.term_fit.process_effects import Between

Floats = NDArray[np.float64]
# Fewer processes that two terms share say nothing of a correlation.
_LEAST_SHARED = 3


def correlation(terms: Sequence[Between]) -> Floats:
    """Correlate what the processes differ by, term by term.

    Parameters
    ----------
    terms : sequence of Between
        Of one calibration, so that processes of one name are the same.

    Returns
    -------
    ndarray, shape (terms, terms)
        Of the levels themselves, the noise of what was measured of them taken out; 1 where two
        terms were not timed in the same processes, or do not differ by any.
    """
    matrix = np.eye(len(terms))
    for one in range(len(terms)):
        for other in range(one):
            matrix[one, other] = matrix[other, one] = _pair(terms[one], terms[other])
    # Pair by pair estimated, they need not be correlations of anything.
    values, vectors = np.linalg.eigh(matrix)
    if values.size and values[0] < 0:
        matrix = (vectors * np.maximum(values, 0)) @ vectors.T
        scale = np.sqrt(np.diag(matrix))
        matrix /= np.outer(scale, scale)
    return matrix


def _pair(one: Between, other: Between) -> float:
    shared = [name for name in one.levels if name in other.levels]
    if len(shared) < _LEAST_SHARED or not one.variance or not other.variance:
        return 1.0
    together = np.cov([[term.levels[name] for name in shared] for term in (one, other)])[0, 1]
    return float(np.clip(together / np.sqrt(one.variance * other.variance), -1, 1))


def half_of_sum(parts: Sequence[tuple[Between, Floats]]) -> Floats:
    """Half-width that process effects leave around a sum of terms.

    Parameters
    ----------
    parts : sequence of (Between, ndarray)
        Each term with its own half-width, in any unit; at least one.
    """
    # A term that takes no time has one half-width for all sizes.
    halves = np.stack(np.broadcast_arrays(*(half for _, half in parts)))
    square = np.einsum(
        "i...,ij,j...->...", halves, correlation([term for term, _ in parts]), halves
    )
    return np.asarray(np.sqrt(np.maximum(square, 0)))


def draw_standings(terms: Sequence[Between], count: int, rng: np.random.Generator) -> Floats:
    """Draw where among all processes there could be the mean level of each term stands.

    Parameters
    ----------
    terms : sequence of Between
    count : int
        Draws.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (terms, count)
        Between 0 and 1, as `Between.deviation` takes it; correlated as the terms are.
    """
    values, vectors = np.linalg.eigh(correlation(terms))
    root = vectors * np.sqrt(np.maximum(values, 0))
    freedom = min((term.processes - 1 for term in terms if term.variance), default=1)
    return np.asarray(stdtr(freedom, root @ student(count, len(terms), freedom, rng).T))
