"""Next point to measure: the batch size that tells most about the parameters."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aethermodel.calibrate.term_fit.fit_term import TermFit

Floats = NDArray[np.float64]
REPEATS = 5
# Repeats in one sitting share their conditions: more of them than this tell nothing new.
MOST_REPEATS = 25


@dataclass(frozen=True)
class NextPoint:
    """A measurement worth making.

    Attributes
    ----------
    n : float
        Batch size, in events.
    repeats : int
        Samples to take there.
    seconds : float
        What they cost.
    shrinkage : float
        Factor by which they are expected to shrink the volume of the parameters' joint confidence
        region, below 1.
    """

    n: float
    repeats: int
    seconds: float
    shrinkage: float


def next_point(
    fit: TermFit,
    candidates: ArrayLike | None = None,
    cost: Callable[[Floats], ArrayLike] | None = None,
    budget: float | None = None,
) -> NextPoint:
    """Return the D-optimal next batch size.

    Parameters
    ----------
    fit : TermFit
        What is known so far.
    candidates : array_like, shape (k,), optional
        Batch sizes that could be measured, in events. Default: powers of two up to four times the
        largest measured.
    cost : callable, optional
        Seconds that one sample takes at each of an array of batch sizes; default the fitted law
        itself, that is the time of the term alone.
    budget : float, optional
        Seconds to spend. Each candidate then gets the repeats that it can buy, at most 25, and one
        that is too dear for a single sample is left out. Default: five repeats at any price.

    Returns
    -------
    NextPoint

    Raises
    ------
    ValueError
        If no candidate is a valid batch size or none can be paid for.

    Notes
    -----
    A sample with gradient g and relative variance v multiplies the determinant of the information
    by ``1 + g' C g / v``, C being the covariance so far (Fedorov 1972; the matrix determinant
    lemma), so no candidate needs a refit.
    """
    if candidates is None:
        top = int(np.ceil(np.log2(fit.samples.n[-1]))) + 2
        candidates = 2.0 ** np.arange(top + 1)
    sizes = np.unique(np.asarray(candidates, dtype=np.float64))
    if not sizes.size or not np.all(np.isfinite(sizes)) or sizes[0] < 1:
        raise ValueError("candidates must be finite batch sizes of at least 1 event")
    mean = fit.predict(sizes)[0]
    price = mean if cost is None else np.asarray(cost(sizes), dtype=np.float64)
    if price.shape != sizes.shape or not np.all(price > 0):
        raise ValueError("cost must give a time above zero for each candidate")
    repeats = np.full(sizes.shape, REPEATS)
    if budget is not None:
        repeats = np.minimum(budget / price, MOST_REPEATS).astype(np.int64)
        if not np.any(repeats > 0):
            raise ValueError(f"no candidate can be measured once in {budget:g} s")
    growth = _information(fit, sizes, mean) * repeats
    best = int(np.argmax(growth))
    return NextPoint(
        float(sizes[best]),
        int(repeats[best]),
        float(repeats[best] * price[best]),
        float(1 / np.sqrt(1 + growth[best])),
    )


def _information(fit: TermFit, sizes: Floats, mean: Floats) -> Floats:
    gradient = fit.form.gradient(sizes, fit.values) / mean[:, None]
    growth: Floats = np.einsum("ij,jk,ik->i", gradient, fit.covariance / fit.variance, gradient)
    return growth
