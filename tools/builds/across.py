"""Whole of a bus across processes: another process numbers batches in a ring, handlers are called.

As a user writes it: a numbered bus with sixteen handlers, attached to the ring and nothing between.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from time import perf_counter
from typing import Any

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.shm import ShmReceiver
from cython_core import Ring, RingHandle, number
from cython_core.ring.errors import RingError

_PRODUCERS_SECONDS = 30.0
_SETTLING = 16  # batches before the clock starts: the ring was full


class _Reached:
    """Handler of all topics, which tells when so many events were handled."""

    def __init__(self) -> None:
        self.events = self.target = 0
        self.told: asyncio.Future[None] | None = None

    def handle(self, batch: Any, indices: Any) -> None:
        self.events += len(indices)
        if self.events >= self.target and self.told and not self.told.done():
            self.told.set_result(None)

    async def more(self, events: int) -> None:
        self.target = self.events + events
        self.told = asyncio.get_running_loop().create_future()
        await self.told


class Across:
    """Times batches of a stream that goes on from one call to the next."""

    def __init__(self, batch_size: int, event_loop: str, topics: int) -> None:
        room = max(8 * batch_size, 1024)
        self._size = batch_size
        self._ring = Ring.create(1 << (room - 1).bit_length(), role="consumer")
        with self._ring.handle() as handle:
            self._child = os.fork()
            if not self._child:
                _produce(handle, batch_size, topics)
        self._loop: Any = _loop(event_loop)
        self._reached = _Reached()
        self._bus = Bus((f"topic.{i}" for i in range(topics)), capacity=batch_size, numbered=True)
        for topic in range(topics):
            self._bus.on(f"topic.{topic}")(self._reached.handle)
        self._bus.attach(ShmReceiver(self._ring, batch_size))
        self._running = self._loop.create_task(self._bus.run())

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        seconds: float = self._loop.run_until_complete(self._timed(loops))
        return seconds

    async def _timed(self, loops: int) -> float:
        await self._reached.more(_SETTLING * self._size)
        start = perf_counter()
        await self._reached.more(loops * self._size)
        seconds = perf_counter() - start
        if self._bus.lost or self._bus.failures or self._bus.instruments.gaps:
            raise RuntimeError(f"not a whole stream: {self._bus.lost or self._bus.failures}")
        return seconds

    def __del__(self) -> None:
        self._running.cancel()
        self._loop.run_until_complete(asyncio.wait([self._running]))
        self._loop.close()
        os.waitpid(self._child, 0)


def _loop(name: str) -> Any:
    if name == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


def _produce(handle: RingHandle, batch_size: int, topics: int) -> None:
    """Number batches in place until the consumer is gone; does not return."""
    try:
        with handle.attach() as ring:
            lap = ring.capacity // batch_size * batch_size
            whole = ring.reserve(ring.capacity)
            whole["topic"] = [i * 7919 % 10007 % topics for i in range(len(whole))]
            number(whole[:lap], 0, 0)
            del whole
            ring.commit(lap)
            sequence = lap
            while True:
                number(ring.reserve(batch_size, timeout=_PRODUCERS_SECONDS), sequence, 0)
                ring.commit()
                sequence += batch_size
    except (RingError, TimeoutError):
        os._exit(0)  # the consumer is gone
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def prepare(batch_size: int, event_loop: str, topics: int = 16) -> Across:
    """Fork the producer, and make a bus that takes its batches while it is timed."""
    return Across(batch_size, event_loop, topics)
