"""Where the slope rises: a search for one knee between the measured batch sizes."""

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.forms import Form
from aethermodel.calibrate.regression import Regression, regress
from aethermodel.calibrate.samples import Samples

Floats = NDArray[np.float64]

# A law with a found knee is two lines. Each must be overdetermined on its own, or any three points
# would show a knee: three sizes on either side.
SIDE = 3
PLACES_PER_GAP = 8


def find_knee(samples: Samples, given: tuple[float, ...] = ()) -> Regression | None:
    """Fit an affine law with one knee found from the samples beside those given.

    Parameters
    ----------
    samples : Samples
        Locations at m batch sizes.
    given : tuple of float
        Knees already known, in events.

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
    places = np.setdiff1d(places, given)
    if not places.size:
        return None
    best = regress(_with(given, float(places[_search(samples, places, given)])), samples)
    return _refine(best, samples, given, float(inner[0]), float(np.nextafter(inner[-1], 0)))


def _with(given: tuple[float, ...], knee: float) -> Form:
    knees = tuple(sorted((*given, knee)))
    return Form(True, knees, tuple(place == knee for place in knees))


def _search(samples: Samples, places: Floats, given: tuple[float, ...]) -> int:
    """Index of the place with the least squared relative residual, all places solved at once."""
    n, law = samples.n, samples.seconds
    weight = np.sqrt(samples.kept) / law
    base = Form(True, given, (False,) * len(given)).design(n)
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


def _refine(
    best: Regression, samples: Samples, given: tuple[float, ...], low: float, high: float
) -> Regression:
    """Move the found knee by Gauss-Newton steps (Muggeo 2003, doi 10.1002/sim.1545)."""
    found = best.form.free.index(True)
    damping = 1.0
    for _ in range(16):
        knee = best.form.knees[found]
        step = damping * float(np.linalg.lstsq(best.rows, best.residual, rcond=1e-12)[0][-1])
        moved = float(np.clip(knee + step, low, high))
        if abs(moved - knee) < 1e-4 * knee or moved in given or not best.values[2 + found] > 0:
            break
        law = best.form.design(samples.n) @ best.values
        trial = regress(_with(given, moved), samples, law)
        if trial.deviance < best.deviance:
            best = trial
        else:
            # The deviance has a kink wherever a knee passes a measured size.
            damping /= 4
    return best
