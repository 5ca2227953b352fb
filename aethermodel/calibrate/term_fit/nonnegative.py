"""Non-negative least squares of few columns."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgels

Floats = NDArray[np.float64]

# A held column that would take off less than this share of the target's length is at its optimum.
_OPTIMAL = 1e-12


def nonnegative_least_squares(columns: Floats, target: Floats) -> Floats:
    """Solve ``columns @ solution ~ target`` with no coefficient below zero.

    Parameters
    ----------
    columns : ndarray, shape (m, k)
        Of lengths that compare.
    target : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (k,)

    Raises
    ------
    ValueError
        If a number is not finite.

    Notes
    -----
    Most problems have their solution where plain least squares have theirs, or where those have it
    once what came out negative is held at zero. That it is the solution is then seen by its
    conditions (Kuhn and Tucker 1951); all others are left to `scipy.optimize.nnls`, which takes
    longer, and a fifth of a second to import.
    """
    count = columns.shape[1]
    free = np.ones(count, dtype=bool)
    taken = columns
    while len(target) >= count and taken.shape[1]:
        _, solved, singular = dgels(taken, target)
        solved = solved[: taken.shape[1]]
        if singular:
            break
        # What is no number is not above zero either.
        if not solved.min() >= 0:
            free[free] = solved >= 0
            taken = columns[:, free]
            continue
        if len(solved) == count:
            return np.asarray(solved)
        solution = np.zeros(count)
        solution[free] = solved
        slope = columns.T[~free] @ (target - columns @ solution)
        if np.all(slope <= _OPTIMAL * np.sqrt(target @ target)):
            return solution
        break
    from scipy.optimize import nnls

    return np.asarray(nnls(columns, target)[0])
