"""Simulated measurements of known laws, and of what is no law of the size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aethermodel.bench.tables.fit_time import fit_milliseconds
from aethermodel.laws.fit import fit_series
from aethermodel.readers.measurements import Series

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

REPEATS = 5
NOISE = 0.02
#: Largest size asked for, over the largest measured one.
FURTHER = 4.0
#: Sizes of the tables whose fits are timed: one for ten runs, twelve of each kind at most.
TIMED_SIZES = 30
_MOST_TIMED = 12
_POWERS: Floats = np.asarray(2.0 ** np.arange(4, 17))
_BATCH_SIZES: Floats = np.asarray(4.0 ** np.arange(8))
_WORKERS: Floats = np.array([1.0, 2, 3, 4, 6, 8, 10, 12, 14, 16])


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes
    ----------
    name : str
    n : ndarray, shape (m,)
        Sizes, each measured `REPEATS` times.
    law : callable
        Time in seconds at sizes.
    moves : callable, optional
        Draws what a third variable multiplies each size's time by: no law of the size.
    """

    name: str
    n: Floats
    law: Callable[[Floats], Floats]
    moves: Callable[[np.random.Generator, int], Floats] | None = None

    def series(self, rng: np.random.Generator) -> Series:
        """Measure once, with multiplicative Gaussian noise as in Extra-P's own tests."""
        factor = self.moves(rng, self.n.size) if self.moves else np.ones(self.n.size)
        noise = 1 + NOISE * rng.standard_normal((self.n.size, REPEATS))
        seconds = (self.law(self.n) * factor)[:, None] * noise
        return Series({}, np.repeat(self.n, REPEATS), seconds.ravel())


def _n_log_n(n: Floats) -> Floats:
    return np.asarray(2e-6 + 3e-9 * n * np.log2(n))


def _falling(p: Floats) -> Floats:
    return np.asarray(0.01 + 0.2 / p)


def _steps(n: Floats) -> Floats:
    return np.asarray(np.where(n < 3000, 1e-6 + 1e-9 * n, 6e-6 + 0.25e-9 * n))


def _affine(n: Floats) -> Floats:
    return np.asarray(4e-6 + 8e-9 * n)


def _batches(n: Floats) -> Floats:
    return np.asarray(200e-6 + 3e-6 * n)


def _knee(n: Floats) -> Floats:
    return np.asarray(4e-6 + 2e-9 * n + 3e-9 * np.maximum(0.0, n - 4000))


def _bottleneck(n: Floats) -> Floats:
    return np.asarray(np.maximum(0.3e-6, 0.08e-9 * n))


def _power(n: Floats) -> Floats:
    return np.asarray(3e-6 + 1e-8 * n**0.75)


def _threads(rng: np.random.Generator, sizes: int) -> Floats:
    return np.asarray(rng.choice([1.0, 0.6, 0.4], sizes))


def _throttled(rng: np.random.Generator, sizes: int) -> Floats:
    return np.asarray(np.where(rng.permutation(sizes) < sizes / 2, 1.0, 1 / 0.7))


def _disturbed(rng: np.random.Generator, sizes: int) -> Floats:
    return np.asarray(np.where(rng.permutation(sizes) < sizes / 3, 1.5, 1.0))


LAWS = (
    Case("N log N", _POWERS, _n_log_n),
    Case("a + b/p", _WORKERS, _falling),
    Case("steps", _POWERS, _steps),
    Case("knee", _POWERS, _knee),
    Case("bottleneck", _POWERS, _bottleneck),
)
#: Laws whose size is a batch, for answers about sizes.
BATCHES = (
    Case("affine", _BATCH_SIZES, _batches),
    Case("affine, 13 sizes", _POWERS, _affine),
    Case("N log N", _POWERS, _n_log_n),
    Case("knee", _POWERS, _knee),
    Case("power", _POWERS, _power),
    Case("steps", _POWERS, _steps),
)
NO_LAWS = (
    Case("threads vary", _POWERS, _affine, _threads),
    Case("clock throttles", _POWERS, _affine, _throttled),
    Case("neighbour disturbs", _POWERS, _affine, _disturbed),
)


def simulate(runs: int, seed: int = 0, progress: Progress | None = None) -> pd.DataFrame:
    """Fit many simulated tables of each kind.

    Parameters
    ----------
    runs : int
        Tables of each kind.
    seed : int
    progress : callable, optional
        Called with fits done and fits in all.

    Returns
    -------
    pandas.DataFrame
        One row a kind: ``case``, ``runs``, ``within_5`` (share predicted within 5 % at four times
        the largest size), ``cover_mean`` and ``cover_new`` (of 95 % intervals there), ``cover_in``
        (of the mean between the two largest sizes), ``said`` (share of verdicts that no law
        holds), ``fit_ms`` and ``fit_ms_most`` (median and most of `fit_milliseconds`); nan where
        a kind has no such figure.
    """
    rows = []
    cases = (*LAWS, *NO_LAWS)
    for index, case in enumerate(cases):
        rng = np.random.default_rng([seed, index])
        rows.append(_row(case, runs, rng, index * runs, len(cases) * runs, progress))
    return pd.DataFrame(rows)


def _row(
    case: Case,
    runs: int,
    rng: np.random.Generator,
    done: int,
    whole: int,
    progress: Progress | None,
) -> dict[str, object]:
    known = case.moves is None
    at = np.array([float(np.sqrt(case.n[-1] * case.n[-2])), FURTHER * case.n[-1]])
    if known and case.name == "a + b/p":
        at[0] = (case.n[-1] + case.n[-2]) / 2
    truth = case.law(at)
    near, mean, new, inside, said = [], [], [], [], []
    for run in range(runs):
        series = case.series(rng)
        law = fit_series(series)
        said.append(not law.holds)
        if known:
            band, single = law.predict(at), law.predict(at, of="new")
            fresh = truth[1] * (1 + NOISE * rng.standard_normal())
            near.append(abs(band.seconds[1] / truth[1] - 1) < 0.05)
            mean.append(band.low[1] <= truth[1] <= band.high[1])
            inside.append(band.low[0] <= truth[0] <= band.high[0])
            new.append(single.low[1] <= fresh <= single.high[1])
        if progress:
            progress(done + run + 1, whole)

    def share(values: list[bool]) -> float:
        return float(np.mean(values)) if values else float("nan")

    timed = widened(case)
    spent = [
        fit_milliseconds(timed.series(rng)) for _ in range(min(max(runs // 10, 1), _MOST_TIMED))
    ]
    return {
        "case": case.name,
        "known": known,
        "runs": runs,
        "within_5": share(near),
        "cover_mean": share(mean),
        "cover_new": share(new),
        "cover_in": share(inside),
        "said": share(said),
        "fit_ms": float(np.median(spent)),
        "fit_ms_most": float(np.max(spent)),
    }


def widened(case: Case) -> Case:
    """The same law, measured at `TIMED_SIZES` sizes as far apart, or at the first counts."""
    if case.name == "a + b/p":
        return replace(case, n=np.arange(1.0, TIMED_SIZES + 1))
    sizes: Floats = np.asarray(np.geomspace(case.n[0], case.n[-1], TIMED_SIZES), dtype=np.float64)
    return replace(case, n=np.round(sizes))
