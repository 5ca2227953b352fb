"""Iteration over what is read as a ring's consumer is: batches, by ``for`` or ``async for``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Protocol

import numpy.typing as npt

from cython_core.ring.errors import RingClosed

Events = npt.NDArray[Any]


class Source(Protocol):
    """What batches come from: a recording, or anything else that reads as a ring's consumer."""

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

    def sleep(self, need: int = 1) -> Awaitable[None]:
        """Sleep until `need` events are available."""


class Batches:
    """Batches of a source, by ``for`` or ``async for``; a ring's own are `RingBatches`.

    Parameters
    ----------
    source : Source
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
