"""Shared-memory fabric: a ring between two processes of one host, without copies."""

from __future__ import annotations

from aethermodel.bus.fabrics.protocol import (
    Backlogged,
    Batch,
    EndOfStream,
    Policy,
    SenderLost,
    checked_policy,
)
from cython_core import Ring
from cython_core.ticks.ring_receiver import RingReceiver


class ShmSender:
    """The producer's side of a ring.

    Parameters
    ----------
    ring : cython_core.Ring
        A producer's end; this sender closes it.
    policy : {"block", "fail"}
        What to do where the ring is full. What was committed is the consumer's, so the
        oldest cannot be dropped from here.

    Raises
    ------
    ValueError
        If the ring is a consumer's end or the policy not possible.
    """

    label = "shared-memory"

    def __init__(self, ring: Ring, policy: Policy = "block") -> None:
        if ring.role != "producer":
            raise ValueError("a sender needs the producer's end of the ring")
        self.policy = checked_policy(policy, "shm", ("block", "fail"))
        self._ring = ring

    async def reserve(self, n: int) -> Batch:
        """Return room for `n` events to make in place; `commit` sends them without a copy.

        Raises
        ------
        Backlogged
            If there is no room and the policy is ``fail``.
        cython_core.RingError
            If the consumer is gone.
        ValueError
            If `n` is not 1 to the ring's capacity.
        """
        if self._ring.available < n:
            if self.policy == "fail" and n <= self._ring.capacity:
                raise Backlogged(f"the ring has no room for {n} events")
            await self._ring.room(n)
        return self._ring.reserve(n, timeout=0)

    def commit(self) -> None:
        """Send what was reserved."""
        self._ring.commit()

    async def send(self, batch: Batch) -> None:
        """Copy a batch that exists elsewhere into the ring and commit it, whole.

        Raises
        ------
        Backlogged, cython_core.RingError, ValueError
            As `reserve`.
        """
        if len(batch):
            await self.reserve(len(batch))
            self._ring.write(batch, timeout=0)

    async def end(self) -> None:
        """Close the ring; the consumer still gets all that was committed. Idempotent."""
        self._ring.close()


class ShmReceiver(RingReceiver):
    """The consumer's side of a ring: batches are views of the ring's own memory.

    Parameters
    ----------
    ring : cython_core.Ring
        A consumer's end; `close` closes it.
    most : int
        Most events a batch.

    Attributes
    ----------
    waiting : int
        Events that wait in the ring behind those received; 0 once it is closed.

    Raises
    ------
    ValueError
        If the ring is a producer's end or `most` below 1.

    Notes
    -----
    `receive` raises `EndOfStream` after the last batch, `SenderLost` if the producer died, and
    `cython_core.RingCorrupt` if it wrote a position that cannot be true. Its batches are
    read-only; `release` gives the events back to the producer, who may then overwrite them.
    """

    label = "shared-memory"
    copies = 0

    def __init__(self, ring: Ring, most: int = 65_536) -> None:
        super().__init__(ring, most, EndOfStream, SenderLost)
