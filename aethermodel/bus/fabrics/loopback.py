"""Loopback fabric: a bounded queue of batches within one process."""

from __future__ import annotations

from aethermodel.bus.fabrics.protocol import Backlogged, EndOfStream, Policy, checked_policy
from cython_core.ticks.queue import BatchQueue


class Loopback(BatchQueue):
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
    full : bool
        Whether nothing more fits.

    Raises
    ------
    ValueError
        If `depth` is below 1 or the policy unknown.
    """

    label = "loopback"
    copies = 0

    def __init__(self, depth: int, policy: Policy = "block") -> None:
        super().__init__(depth, checked_policy(policy, "loopback"), EndOfStream, Backlogged)

    async def end(self) -> None:
        """End the stream after the batches that wait; idempotent."""
        self.refuse()
