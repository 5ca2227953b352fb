"""Ring with both ends in one process: filled untimed, taken timed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.measure.harness.receivers import Checked
from aethermodel.measure.harness.ring_size import ring_capacity
from cython_core import Ring, number, record_type


class OwnRing:
    """Hands one batch over again and again, numbered on.

    Parameters
    ----------
    batch : numpy.ndarray
        Of records that have a number each.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch, self._record = batch, record_type(batch.dtype)
        self._sent = self._taken = 0
        capacity = ring_capacity(len(batch), self._record.itemsize)
        self._ring = Ring.create(capacity, role="consumer", record=self._record)
        with self._ring.handle() as handle:
            self._producer: Ring = handle.attach()

    async def seconds(
        self,
        times: int,
        take: Callable[[Checked], Awaitable[None]],
        between: Callable[[], None] | None = None,
    ) -> float:
        """Return how long it takes to take the batch so many times.

        Parameters
        ----------
        times : int
        take : callable
            Takes all that a receiver has, which is one more: the first is not timed.
        between : callable, optional
            Called before each of them, outside the clock too.
        """
        receiver = _Fed(self._ring, len(self._batch), times, self._fill, between)
        await take(Checked(receiver, times + 1, self._taken, record=self._record))
        self._taken += (times + 1) * len(self._batch)
        return receiver.seconds

    def _fill(self) -> int:
        """Put in what there is room for, and return how many batches that is."""
        room = self._producer.available // len(self._batch)
        for _ in range(room):
            number(self._batch, self._sent, 0, self._record)
            self._producer.write(self._batch, timeout=0)
            self._sent += len(self._batch)
        return room


class _Fed(ShmReceiver):
    """Has its ring filled whenever that is empty.

    Attributes
    ----------
    seconds : float
        From release to release, all but the first batch, without what happens in between.
    """

    def __init__(
        self,
        ring: Ring,
        most: int,
        times: int,
        fill: Callable[[], int],
        between: Callable[[], None] | None,
    ) -> None:
        super().__init__(ring, most)
        self.seconds = 0.0
        self._fill = fill
        self._between = between
        self._most, self._left = most, times
        self._until = 1
        if not self.waiting:
            fill()
        self._since = 0.0

    def release(self) -> None:
        """Release the batch; where the ring is empty, or something is to happen, stop the clock."""
        super().release()
        self._until -= 1
        if not self._until:
            self._pause()

    def _pause(self) -> None:
        if self._since:
            self.seconds += perf_counter() - self._since
        ready = self.waiting // self._most or self._fill()
        if self._between:
            self._between()
        self._until = 1 if self._between else min(ready, self._left)
        self._left -= self._until
        self._since = perf_counter()
