"""Consumer's side of a bus across processes: batches that wait in a ring are taken and handled.

The ring is filled from this process, outside the clock, so that no other process has a part in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from cython_core import Ring, number

_WAITING = 64  # batches


class _Whole:
    """A bus with handlers on every topic, which tells when all that waited was handled."""

    def __init__(self, batch_size: int, topics: int) -> None:
        self._size = batch_size
        capacity = 1 << (_WAITING * batch_size - 1).bit_length()
        self._ring = Ring.create(capacity, role="consumer", policy="wait")
        self._producer = self._ring.handle().attach()
        room = self._producer.reserve(capacity)
        room["topic"] = [i * 7919 % 10007 % topics for i in range(capacity)]
        self._sent = self._events = 0
        self._told: asyncio.Future[None] | None = None
        self._bus = Bus((f"topic.{i}" for i in range(topics)), capacity=batch_size, numbered=True)
        for topic in range(topics):
            self._bus.on(f"topic.{topic}")(self._handle)
        self._bus.attach(ShmReceiver(self._ring, batch_size))
        self._running: asyncio.Task[None] | None = None

    def _handle(self, batch: Any, indices: Any) -> None:
        self._events += len(indices)
        if self._events == self._sent:
            assert self._told
            self._told.set_result(None)

    async def timed(self, loops: int) -> float:
        """Return the seconds of so many batches, from the first one's taking."""
        if self._running is None:
            self._running = asyncio.create_task(self._bus.run())
        seconds, left = 0.0, loops
        while left > 0:
            batches = min(left, _WAITING)
            self._fill(batches)
            self._told = asyncio.get_running_loop().create_future()
            start = perf_counter()
            await self._told
            seconds += perf_counter() - start
            left -= batches
        if self._bus.lost or self._bus.failures or self._bus.instruments.gaps:
            raise RuntimeError(f"not a whole stream: {self._bus.lost or self._bus.failures}")
        return seconds

    def _fill(self, batches: int) -> None:
        for _ in range(batches):
            number(self._producer.reserve(self._size), self._sent, 0)
            self._producer.commit(self._size)
            self._sent += self._size


def prepare(batch_size: int, event_loop: EventLoop, topics: int = 16) -> Callable[[int], float]:
    """Time from a ring with batches in it until the last one's handlers have returned."""
    return on_loop(event_loop, _Whole(batch_size, topics).timed)
