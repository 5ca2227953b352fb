"""Core losses: what others took of the cores while batches ran, batch by batch.

Told by the kernel's run queue, by stolen time, and by an idle loop beside every millisecond. What a
batch itself took is never looked at: how late it was must not decide whether it counts.
"""

from __future__ import annotations

from math import isnan, nan
from time import perf_counter

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.measure.host.contention import core_excess, glance
from aethermodel.measure.host.run_queue import RunQueue
from aethermodel.measure.host.steal_and_switches import stolen_seconds

# Share of the batches that lost least, whose loss is what is always lost; less than of batches that
# have to be left alone.
_ALWAYS = 0.05
Floats = npt.NDArray[np.float64]


class CoreLosses:
    """Looks before and after each batch, outside the clock of what is timed.

    Parameters
    ----------
    queue : RunQueue
        Of those that take part.
    """

    def __init__(self, queue: RunQueue) -> None:
        self._queue = queue
        self._waited: list[float] = []
        self._from = 0.0
        # Slices: the batch that each ends with, what it lasted, what was stolen, and the core.
        self._slices: list[tuple[int, float, float, float]] = []
        self._stolen, self._core, self._since = stolen_seconds(), glance(), perf_counter()

    def begin(self) -> None:
        """Look before a batch, and before what is waited for it to be due."""
        self._from = self._queue.waited()

    def end(self) -> None:
        """Look after it; where a slice is full, at the core as well."""
        self._waited.append(self._queue.waited() - self._from)
        if perf_counter() - self._since >= thresholds.SLICE_SECONDS:
            self._cut()

    def _cut(self) -> None:
        seconds, stolen, core = perf_counter() - self._since, stolen_seconds(), glance()
        worse = max(core, self._core)
        self._slices.append((len(self._waited), seconds, stolen - self._stolen, worse))
        self._stolen, self._core, self._since = stolen, core, perf_counter()

    @property
    def core_seconds(self) -> list[float]:
        """An idle loop beside each slice."""
        return [core for _, _, _, core in self._slices]

    def lost(self, best: float = nan) -> Floats:
        """Return the seconds that were lost in each batch.

        Parameters
        ----------
        best : float
            Seconds of the idle loop at best; nan where slow cores are told by others.

        Notes
        -----
        Stolen time is counted in ticks, and a slow core is seen at the ends of a slice: either is
        lost in each batch of the slice, as nobody knows in which it was.
        """
        lost = np.array(self._waited, dtype=np.float64)
        first = 0
        for after, seconds, stolen, core in self._slices:
            slow = not isnan(best) and core_excess(core, best) > 1
            lost[first:after] += stolen + (seconds * (1 - best / core) if slow else 0.0)
            first = after
        return lost


def beyond_usual(lost: Floats) -> Floats:
    """Return what was lost beyond what always is: beside a server on its core one always waits."""
    return np.asarray(lost - np.quantile(lost, _ALWAYS)) if lost.size else lost
