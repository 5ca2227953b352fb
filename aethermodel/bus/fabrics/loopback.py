"""Loopback fabric: a bounded queue of batches within one process."""

from __future__ import annotations

import asyncio
from collections import deque

from aethermodel.bus.fabrics.protocol import Backlogged, Batch, EndOfStream, Policy, checked_policy


class Loopback:
    """Hand batches from producer tasks to a consumer task of the same event loop.

    It is both sides of itself: `send` and `end` are the producer's, the rest is the
    consumer's.

    Parameters
    ----------
    depth : int
        Batches that may wait. At least 1.
    policy : {"block", "drop-oldest", "fail"}
        What `send` does where so many wait.

    Attributes
    ----------
    waiting : int
        Events that wait.
    dropped : int
        Events dropped by ``drop-oldest``.

    Raises
    ------
    ValueError
        If `depth` is below 1 or the policy unknown.
    """

    label = "loopback"
    copies = 0

    def __init__(self, depth: int, policy: Policy = "block") -> None:
        if depth < 1:
            raise ValueError(f"queue depth must be at least 1, not {depth}")
        self.policy = checked_policy(policy, "loopback")
        self.waiting = 0
        self.dropped = 0
        self._depth = depth
        self._batches: deque[tuple[Batch, int]] = deque()  # with its events
        self._ended = False
        self._sleepers: list[asyncio.Future[None]] = []  # producers for room, the consumer for news

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return len(self._batches) >= self._depth

    async def send(self, batch: Batch) -> None:
        """Hand over one batch; the producer keeps it unchanged until it was consumed.

        Raises
        ------
        Backlogged
            If nothing more fits and the policy is ``fail``.
        ValueError
            After `end` or `close`, also while it waits for room; the batch was not sent.
        """
        while self.full and not self._ended:
            if self.policy == "block":
                await self._sleep()
            elif self.policy == "fail":
                raise Backlogged(f"{self._depth} batches wait already")
            else:
                self.dropped += self._take()[1]
        if self._ended:
            raise ValueError("this loopback has ended and takes nothing more")
        events = len(batch)
        self._batches.append((batch, events))
        self.waiting += events
        if self._sleepers:
            self._wake()

    async def end(self) -> None:
        """End the stream after the batches that wait; idempotent."""
        self.refuse()

    def refuse(self) -> None:
        """Take nothing more; producers that wait for room are told. Idempotent."""
        self._ended = True
        self._wake()

    async def receive(self) -> Batch:
        """Take the oldest batch; waits for one.

        Raises
        ------
        EndOfStream
            After the last one, if the producer ended.
        """
        while not self._batches:
            if self._ended:
                raise EndOfStream
            await self._sleep()
        return self._take()[0]

    def release(self) -> None:
        """Do nothing: whoever holds the batch keeps it alive."""

    def close(self) -> None:
        """Drop what waits, and refuse what comes; idempotent."""
        self.refuse()
        while self._batches:
            self._take()

    def __len__(self) -> int:
        """Batches that wait."""
        return len(self._batches)

    def _take(self) -> tuple[Batch, int]:
        batch, events = self._batches.popleft()
        self.waiting -= events
        if self._sleepers:
            self._wake()
        return batch, events

    async def _sleep(self) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def _wake(self) -> None:
        # All of them: each looks again for itself, and none is forgotten if one was cancelled.
        sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
