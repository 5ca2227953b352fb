"""Settling of simulations: whether what they see is still on its way."""

from __future__ import annotations

import numpy as np

from aethermodel.clusters.simulation.run import Simulated

#: Growth of the P99 from the first third of what a run measured to the last that is no noise: a
#: queue that grows in proportion to time gives some 1.5, one that does not grow 1.
GROWTH = 1.2
#: The same of runs that have not settled; and how uneven their halves may be.
SETTLED_DRIFT, SETTLED_HALVES = 1.3, 0.02


class Settling:
    """Whether runs of one length are on their way, as far as parts of them can tell."""

    def __init__(self) -> None:
        self._log_drifts: list[float] = []
        self._second_halves: list[float] = []

    def add(self, run: Simulated) -> None:
        """Count a run."""
        middle = run.seconds * 3 / 4
        self._log_drifts.append(float(np.log(p99_drift(run))))
        self._second_halves.append(float(np.mean(run.ends >= middle)) if run.ends.size else 0.5)

    @property
    def latency(self) -> bool:
        """Whether the P99 is as large later as before, on average of all runs."""
        return abs(float(np.mean(self._log_drifts))) < float(np.log(SETTLED_DRIFT))

    @property
    def rate(self) -> bool:
        """Whether as much is handled later as before, on average of all runs."""
        return abs(float(np.mean(self._second_halves)) - 0.5) < SETTLED_HALVES


def p99_drift(run: Simulated) -> float:
    """P99 of the last third of what a run measured over that of the first third."""
    third = run.latencies.size // 3
    if not third:
        return 1.0
    first, last = (
        float(np.quantile(part, 0.99)) for part in (run.latencies[:third], run.latencies[-third:])
    )
    return last / first
