"""Repeating receiver: gives the same batch again and again, and takes the time."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from aethermodel.bus.fabrics.protocol import Batch, EndOfStream


class Repeated:
    """Hands out one batch a number of times: nothing is moved, so that only the rest is timed.

    Parameters
    ----------
    batch : numpy.ndarray
    times : int
    before : callable, optional
        Called each time before it is handed out.

    Attributes
    ----------
    seconds : float
        From the first `receive` to the end.
    """

    label = "loopback"
    copies = 0
    waiting = 0

    def __init__(self, batch: Batch, times: int, before: Callable[[], None] | None = None) -> None:
        self.seconds = 0.0
        self._batch = batch
        self._left = times
        self._before = before
        self._start = 0.0

    async def receive(self) -> Batch:
        """Return the batch; EndOfStream after the last time."""
        if not self._start:
            self._start = perf_counter()
        if not self._left:
            self.seconds = perf_counter() - self._start
            raise EndOfStream
        self._left -= 1
        if self._before:
            self._before()
        return self._batch

    def release(self) -> None:
        """Do nothing: the batch stays."""

    def close(self) -> None:
        """Do nothing."""
