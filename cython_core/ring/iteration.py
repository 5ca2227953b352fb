"""Iteration over a ring, and waiting on an event loop.

The loop watches the ring's eventfd for as long as the ring is open, which costs
nothing while nobody sleeps: the peer writes it only after `arm`, once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from cython_core.ring.errors import RingClosed
from cython_core.ring.loop_watch import Watch

if TYPE_CHECKING:
    from cython_core.ring.ring import Ring

Events = npt.NDArray[Any]

# As long as the ring's own waiting: about what a few sleeps with their wake-ups cost.
_SPIN_SECONDS = 50e-6


class Sleeper:
    """Lets one task sleep on one event loop until a ring has enough events.

    Unless the ring's policy is ``wait``, the task first looks again for 50 µs, the loop's other
    tasks taking their turns in between.

    Parameters
    ----------
    ring : Ring
    loop : asyncio.AbstractEventLoop
        asyncio's own or uvloop's.
    """

    def __init__(self, ring: "Ring", loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ring = ring
        self._future: asyncio.Future[None] | None = None
        self._spinning = False
        self._watch = Watch(loop)
        self._news = ring.link.fileno()
        self._watch.add(ring.fileno(), self._on_wakeup)
        self._watch.add(self._news, self._on_news)
        self._on_news()

    async def sleep(self, need: int) -> None:
        """Return once `need` events are available; raise if they never will be."""
        if self._future is not None or self._spinning:
            raise RuntimeError("another task waits on this end of the ring")
        if self._ring.policy != "wait" and await self._spin(need):
            return
        while self._ring.arm(need):
            self._future = self.loop.create_future()
            try:
                await self._future
            finally:
                self._future = None
                if not self._ring.closed:
                    self._ring.disarm()

    async def _spin(self, need: int) -> bool:
        until = self.loop.time() + _SPIN_SECONDS
        self._spinning = True
        try:
            while self._ring.available < need:
                if self.loop.time() >= until:
                    return False
                await asyncio.sleep(0)
                if self._ring.closed:
                    return False
        finally:
            self._spinning = False
        return True

    def _on_wakeup(self) -> None:
        # Level-triggered: read the descriptor here, or the loop calls again.
        self._ring.disarm()
        self._resume()

    def _on_news(self) -> None:
        if not self._ring.peer_alive:
            self._watch.remove(self._news)
            self._resume()

    def _resume(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def check_thread(self) -> None:
        """Refuse what would reach into the event loop of another thread while it runs.

        Raises
        ------
        RuntimeError
            In such a thread.
        """
        if self._watch.elsewhere:
            raise RuntimeError(
                "an event loop that runs in another thread watches this end of the ring: close it "
                "there"
            )

    def close(self) -> None:
        """Stop watching, and let a task that sleeps find the ring closed."""
        self._watch.close()
        if self._watch.ours and not self.loop.is_closed():
            self._resume()


class Source(Protocol):
    """What batches come from: a ring's consumer, or a recording."""

    @property
    def available(self) -> int:
        """Events that can be peeked now."""

    @property
    def claimed(self) -> int:
        """Events peeked and not released."""

    def peek(self, n: int | None = None, *, timeout: float | None = None) -> Events:
        """Return up to `n` events."""

    def release(self, n: int | None = None) -> None:
        """Give peeked events back."""

    async def sleep(self, need: int = 1) -> None:
        """Sleep until `need` events are available."""


class Batches:
    """Batches of a ring, by ``for`` or ``async for``; see `Ring.batches`.

    Parameters
    ----------
    source : Source
        A ring's consumer, or a recording.
    most : int
        Most events a batch, and most to hand out before the event loop gets a turn.
    """

    def __init__(self, source: Source, most: int) -> None:
        if most < 1:
            raise ValueError(f"most must be at least 1, not {most}")
        self._source = source
        self._most = most
        self._turn = most
        self._handed_out = False

    def __iter__(self) -> Iterator[Events]:
        return self

    def __next__(self) -> Events:
        self._take_back()
        try:
            batch = self._source.peek(self._most)
        except RingClosed:
            raise StopIteration from None
        self._handed_out = True
        return batch

    def __aiter__(self) -> AsyncIterator[Events]:
        return self

    async def __anext__(self) -> Events:
        self._take_back()
        try:
            if not self._source.available:
                await self._source.sleep(1)
                self._turn = self._most
            elif self._turn <= 0:
                await asyncio.sleep(0)  # others on this loop want to run as well
                self._turn = self._most
            batch = self._source.peek(self._most, timeout=0)
        except RingClosed:
            raise StopAsyncIteration from None
        self._turn -= len(batch)
        self._handed_out = True
        return batch

    def _take_back(self) -> None:
        if self._handed_out and self._source.claimed:
            self._source.release()
        self._handed_out = False
