"""Loopback whose producer is a task in the consumer's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.measure.harness.producer_task import DEPTH, produce
from aethermodel.measure.harness.receivers import Checked, Passing
from cython_core import number, record_type


class OwnLoopback:
    """Has one batch sent again and again by a task of the same loop, as a row over loopback has.

    Parameters
    ----------
    batch : numpy.ndarray
        Of records that have a number each.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch, self._record = batch, record_type(batch.dtype)
        number(batch, 0, 0, self._record)

    async def seconds(
        self,
        times: int,
        take: Callable[[Checked], Awaitable[None]],
        between: Callable[[], None] | None = None,
    ) -> float:
        """Return how long it takes to take the batch so many times, its sending included.

        Parameters are those of `aethermodel.measure.harness.local_ring.OwnRing.seconds`.
        """
        fabric = Loopback(DEPTH)
        watched = _Watched(fabric, between)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce(fabric, [self._batch], times + 1, 0))
            lap = len(self._batch)
            await take(Checked(watched, times + 1, lap=lap, record=self._record))
        return watched.seconds


class _Watched(Passing):
    """Passes on what a fabric has.

    Attributes
    ----------
    seconds : float
        From release to release, all but the first batch, without what happens in between.
    """

    def __init__(self, fabric: Loopback, between: Callable[[], None] | None) -> None:
        super().__init__(fabric)
        self.receive, self.ready = fabric.receive, fabric.ready
        self.seconds = 0.0
        self._between = between
        self._since = 0.0

    def release(self) -> None:
        self._receiver.release()
        now = perf_counter()
        if self._since:
            self.seconds += now - self._since
        if self._between:
            self._between()
            now = perf_counter()
        self._since = now
