"""Completion queue on an event loop: arm, poll again, wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from cython_core.ring.loop_watch import Watch

if TYPE_CHECKING:
    from cython_core.verbs import CompletionQueue


class CompletionReader:
    """Call `drain` on the loop's thread whenever the queue has completions.

    The queue is armed only when `drain` has found it empty, and drained once more after
    arming: a completion in between notifies nobody. While there is work, the loop is
    given back after each `drain`, so that other handlers run.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        asyncio's or uvloop's.
    queue : CompletionQueue
        Made with ``notify=True``.
    drain : callable
        Takes one batch and returns whether there was anything. An exception from it ends
        the reading and reaches the loop's exception handler.

    Attributes
    ----------
    wakeups : int
        Notifications taken: exact.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, queue: CompletionQueue, drain: Callable[[], bool]
    ) -> None:
        self.wakeups = 0
        self._loop = loop
        self._queue = queue
        self._drain = drain
        self._open = True
        self._armed = False
        self._watch = Watch(loop)
        self._watch.add(queue.fileno(), self._woken)
        self._next = loop.call_soon(self._step)

    def _woken(self) -> None:
        if self._open:
            self.wakeups += self._queue.acknowledge()
            self._armed = False
            self._next.cancel()
            self._step()

    def _step(self) -> None:
        if not self._open:
            return
        try:
            busy = self._drain()
            if not busy and not self._armed:
                self._queue.arm()
                self._armed = True
                busy = self._drain()
        except BaseException:
            self.close()
            raise
        if busy and self._open:
            self._next = self._loop.call_soon(self._step)

    def close(self) -> None:
        """Stop reading; a second call does nothing. The queue stays open."""
        if self._open:
            self._open = False
            self._next.cancel()
            self._watch.close()

    def __enter__(self) -> CompletionReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
