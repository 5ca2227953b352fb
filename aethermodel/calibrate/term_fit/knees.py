"""Knee search: the batch size at which the slope rises."""

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.term_fit.candidate_laws import Form
from aethermodel.calibrate.term_fit.regression import Regression, regress, scaled_step
from aethermodel.calibrate.term_fit.samples import Samples

Floats = NDArray[np.float64]

# A law with a found knee is two lines. Each must be overdetermined on its own, or any three points
# would show a knee: three sizes on either side.
SIDE = 3
PLACES_PER_GAP = 8


def find_knee(samples: Samples, switch: float | None = None) -> Regression | None:
    """Fit an affine law with one knee found from the samples.

    Parameters
    ----------
    samples : Samples
        Locations at m batch sizes.
    switch : float, optional
        Batch size at which the code changes its way, in events; the knee lies above it
        and above the next batch size.

    Returns
    -------
    Regression or None
        The best fit; None when there are too few batch sizes to tell.
    """
    n = samples.n
    if n.size < 2 * SIDE:
        return None
    inner = n[SIDE - 1 : n.size - SIDE + 1]
    step = np.arange(PLACES_PER_GAP) / PLACES_PER_GAP
    places = (inner[:-1, None] * (inner[1:] / inner[:-1])[:, None] ** step).ravel()
    low = float(inner[0])
    if switch is not None:
        # A size lies between the two, or no sample would be of what costs an event there.
        first = float(n[np.searchsorted(n, switch, side="right")])
        places, low = places[places > first], max(low, float(np.nextafter(first, np.inf)))
    if not places.size:
        return None
    best = regress(_at(float(places[_search(samples, places, switch)]), switch), samples)
    return _refine(best, samples, low, float(np.nextafter(inner[-1], 0)))


def _at(knee: float, switch: float | None) -> Form:
    return Form(True, (knee,), (True,), switch)


def _search(samples: Samples, places: Floats, switch: float | None) -> int:
    """Index of the place with the least squared relative residual, all places solved at once."""
    n, law = samples.n, samples.seconds
    weight = np.sqrt(samples.kept) / law
    base = Form(switch=switch).design(n)
    shared = np.broadcast_to(base, (places.size, *base.shape))
    columns = np.concatenate([shared, np.maximum(0.0, n - places[:, None])[:, :, None]], axis=2)
    columns = columns * weight[None, :, None]
    norm = np.sqrt(np.einsum("kij,kij->kj", columns, columns))
    columns = columns / norm[:, None, :]
    target = samples.seconds * weight
    gram = np.einsum("kij,kil->kjl", columns, columns)
    gram += 1e-12 * np.eye(gram.shape[1])
    right = np.einsum("kij,i->kj", columns, target)
    solution = np.linalg.solve(gram, right[:, :, None])[:, :, 0]
    squares = target @ target - np.einsum("kj,kj->k", right, solution)
    # A falling slope is no knee; the affine law covers it.
    return int(np.argmin(np.where(solution[:, -1] > 0, squares, np.inf)))


def _refine(best: Regression, samples: Samples, low: float, high: float) -> Regression:
    """Move the found knee by Gauss-Newton steps (Muggeo 2003, doi 10.1002/sim.1545)."""
    damping = 1.0
    for _ in range(16):
        (knee,) = best.form.knees
        step = damping * float(scaled_step(best.rows, best.residual)[-1])
        moved = float(np.clip(knee + step, low, high))
        # Not a number where a point says next to nothing.
        if not abs(moved - knee) >= 1e-4 * knee or not best.values[2] > 0:
            break
        law = best.form.design(samples.n) @ best.values
        trial = regress(_at(moved, best.form.switch), samples, law)
        if trial.deviance < best.deviance:
            best = trial
        else:
            # The deviance has a kink wherever a knee passes a measured size.
            damping /= 4
    return best
