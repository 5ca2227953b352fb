"""Non-negative least squares in relative errors, the solver of every fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.term_fit.candidate_laws import Form
from aethermodel.calibrate.term_fit.nonnegative import nonnegative_least_squares
from aethermodel.calibrate.term_fit.samples import Samples

Floats = NDArray[np.float64]

# Times that a law fits need five rounds, ten at 5 % noise.
ROUNDS = 12
SETTLED = 1e-9


@dataclass(frozen=True)
class Regression:
    """A form fitted to samples.

    Attributes
    ----------
    form : Form
        The law.
    values : ndarray, shape (coefficients,)
        Non-negative coefficients, in seconds and seconds per event.
    rows : ndarray, shape (m, form.freedom)
        Gradient of the law at the measured sizes, in units of the law's value there and times the
        root of the samples kept: the design of the relative least-squares problem.
    residual : ndarray, shape (m,)
        Relative residuals, times the root of the samples kept.
    deviance : float
        What the fit minimised: twice the sum over sizes of the samples kept times
        ``x - log(1 + x)`` of the relative residual ``x``; nearly `square_sum` where noise is small.
    moved : float
        By how much, relatively, the law still moved at some size in the last round of weights.
    """

    form: Form
    values: Floats
    rows: Floats
    residual: Floats
    deviance: float
    moved: float

    @property
    def square_sum(self) -> float:
        """Weighted sum of squared relative residuals."""
        return float(self.residual @ self.residual)


def regress(form: Form, samples: Samples, start: Floats | None = None) -> Regression:
    """Fit the coefficients of `form`, its knees as they stand.

    Each batch size weighs in proportion to its samples kept and inversely to the law's square,
    since noise is relative. Weights taken from the law rather than from the samples, and renewed
    until they settle, leave no bias towards samples that happen to be fast; this is the
    quasi-likelihood fit of constant coefficient of variation (McCullagh and Nelder 1989,
    chapter 8).

    Parameters
    ----------
    form : Form
        The law.
    samples : Samples
        Locations and repeats at m batch sizes.
    start : ndarray, shape (m,), optional
        First guess of the law's values; the locations themselves by default.
    """
    design = form.design(samples.n)
    root = np.sqrt(samples.kept)
    values, law, moved = relative_nnls(design, samples.seconds, root, start)
    rows = form.gradient(samples.n, values) * (root / law)[:, None]
    residual = samples.seconds / law - 1
    deviance = 2 * float(samples.kept @ (residual - np.log1p(residual)))
    return Regression(form, values, rows, root * residual, deviance, moved)


def relative_nnls(
    design: Floats,
    seconds: Floats,
    root: Floats,
    start: Floats | None = None,
    settled: float = SETTLED,
) -> tuple[Floats, Floats, float]:
    """Solve ``design @ values ~ seconds`` for non-negative values in relative errors.

    Parameters
    ----------
    design : ndarray, shape (m, coefficients)
        What each coefficient contributes to each time.
    seconds : ndarray, shape (m,)
        Times, above zero.
    root : ndarray, shape (m,)
        Root of each time's weight.
    start : ndarray, shape (m,), optional
        First guess of the law's values; the times themselves by default.
    settled : float
        The rounds end where none moves the law by more, relatively.

    Returns
    -------
    values : ndarray, shape (coefficients,)
    law : ndarray, shape (m,)
        What the weights were last taken from: ``design @ values`` once settled.
    moved : float
        Largest relative change of the law in the last round: below `settled`, or more where
        `ROUNDS` were not enough.
    """
    # A guess may be nothing at a point, as where a knee has just moved over it.
    law = seconds if start is None else np.maximum(start, 1e-3 * seconds)
    scaled = design * (root / law)[:, None]
    norm = np.sqrt(np.einsum("ij,ij->j", scaled, scaled))
    norm[norm == 0] = 1.0
    # Columns that compare; the rounds move the law too little to change that.
    columns = design / norm
    rows, target, least = columns * root[:, None], root * seconds, 1e-3 * seconds
    for _ in range(ROUNDS):
        solution = nonnegative_least_squares(rows / law[:, None], target / law)
        # On samples that no law of this form fits the way there may lead through zero.
        before, law = law, np.maximum(columns @ solution, least)
        moved = float(np.abs(law / before - 1).max())
        if moved < settled:
            break
    return solution / norm, law, moved


def scaled_step(rows: Floats, residual: Floats) -> Floats:
    """Solve ``rows @ step ~ residual``, the columns of `rows` scaled to compare.

    Seconds, seconds an event and events differ by more powers of ten than a double has digits:
    unscaled, the smallest would be taken for rounding, and never move.
    """
    scaled, norm = _scaled(rows)
    step: Floats = np.linalg.lstsq(scaled, residual, rcond=1e-10)[0] / norm
    return step


def _scaled(rows: Floats) -> tuple[Floats, Floats]:
    norm = np.sqrt(np.einsum("...ij,...ij->...j", rows, rows))
    norm[norm == 0] = 1.0
    return rows / norm[..., None, :], norm


def scaled_inverse(rows: Floats) -> Floats:
    """Inverse of the normal matrix of `rows`, its columns scaled to compare.

    Parameters
    ----------
    rows : ndarray, shape (..., m, k)

    Returns
    -------
    ndarray, shape (..., k, k)
    """
    scaled, norm = _scaled(rows)
    inverse = np.linalg.pinv(np.swapaxes(scaled, -1, -2) @ scaled, hermitian=True)
    return np.asarray(inverse / (norm[..., :, None] * norm[..., None, :]))
