"""Simulated answers: how often intervals of sizes and rates hold those of the true law."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aethermodel.advice.law_answers import n_half
from aethermodel.advice.law_samples import LawSizes
from aethermodel.bench.tables.simulated import BATCHES, Case, Progress
from aethermodel.laws.fit import fit_series
from aethermodel.laws.law import Law
from aethermodel.model.sampled_law import SampledLaw

Floats = NDArray[np.float64]

BEST, HALF, RATE, TIME = "best rate", "N-half", "size for a rate", "size for a time"
#: Asked for: a size of so much of the best rate, and of the time at the middle size.
SHARE = 0.6
# Sizes at which the true law is sampled: its answers then have four digits.
_DENSE = 40_000
_ROUNDING = 1e-12


def simulate(runs: int, seed: int = 0, progress: Progress | None = None) -> pd.DataFrame:
    """Fit many simulated tables of each law, and ask each for sizes and rates.

    Parameters
    ----------
    runs : int
        Tables of each law.
    seed : int
    progress : callable, optional
        Called with tables done and tables in all.

    Returns
    -------
    pandas.DataFrame
        One row a law and answer: ``case``, ``answer``, ``runs``, ``covered`` (share of 95 %
        intervals that hold the true answer), ``below`` and ``above`` (shares of those that lie
        below and above it) and ``width`` (median of high over low).
    """
    rows = []
    for index, case in enumerate(BATCHES):
        rng = np.random.default_rng([seed, 100 + index])
        asked = _Asked(case)
        for run in range(runs):
            rows += list(asked.answered(fit_series(case.series(rng))))
            if progress:
                progress(index * runs + run + 1, len(BATCHES) * runs)
    found = pd.DataFrame(rows)
    summed = found.groupby(["case", "answer"], sort=False).agg(
        runs=("below", "size"),
        below=("below", "mean"),
        above=("above", "mean"),
        width=("width", "median"),
    )
    summed.insert(1, "covered", 1 - summed["below"] - summed["above"])
    return summed.reset_index()


class _Asked:
    """What is asked of a case's laws, and what the true one answers."""

    def __init__(self, case: Case) -> None:
        self.case = case
        n = case.n
        self._ends = case.law(n[[0, -1]])
        dense = np.geomspace(n[0], 4 * n[-1], _DENSE)
        places = np.unique(np.concatenate([dense, n, [2999.999, 3000.0, 4000.0]]))
        true = SampledLaw.of(case.law, places[(places >= n[0]) & (places <= 4 * n[-1])])
        (self._best,), _ = true.best_rate(float(n[-1]))
        self.rate = SHARE * self._best
        self.time = float(case.law(np.sqrt(n[:1] * n[-1:]))[0])
        _, (peak,) = true.best_rate(np.inf)
        within = min(peak, float(true.last_size_within(self.time)[0]))
        self._half = float(true.first_size_at(self._best / 2)[0])
        self.true = {
            BEST: float(self._best),
            RATE: float(np.ceil(true.first_size_at(self.rate)[0] * (1 - _ROUNDING))),
            TIME: float(np.floor(within * (1 + _ROUNDING))),
        }

    def half(self, law: Law) -> float:
        """True N-half, of the limit of the rate where the law that was found is affine."""
        if law.family != "affine":
            return self._half
        n, (first, last) = self.case.n[[0, -1]], self._ends
        slope = (last - first) / (n[1] - n[0])
        return float((first - slope * n[0]) / slope)

    def answered(self, law: Law) -> Iterator[dict[str, object]]:
        sizes = LawSizes(law)
        found = {
            BEST: sizes.best_rate(),
            HALF: n_half(sizes, {}),
            RATE: sizes.rate(self.rate).size,
            TIME: sizes.within(self.time).size,
        }
        true = self.true | {HALF: self.half(law)}
        for name, known in found.items():
            if known is None:
                continue
            yield {
                "case": self.case.name,
                "answer": name,
                "below": known.high < true[name],
                "above": known.low > true[name],
                "width": known.high / known.low,
            }
