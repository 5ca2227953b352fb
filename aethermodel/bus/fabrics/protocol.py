"""Protocols of a fabric: a sender of batches and a receiver, in order."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy.typing as npt

Batch = npt.NDArray[Any]

#: What a sender does where nothing more fits: wait, drop the oldest waiting batch, or raise.
Policy = Literal["block", "drop-oldest", "fail"]
POLICIES: tuple[Policy, ...] = ("block", "drop-oldest", "fail")


class EndOfStream(Exception):  # noqa: N818 - an end is no error, as StopIteration is none
    """The sender ended the stream in good order, and everything it sent was received."""


class SenderLost(ConnectionError):  # noqa: N818
    """The sender vanished without closing; whole batches that came were received."""


class StreamBroken(ConnectionError):  # noqa: N818
    """The connection to the receiver is broken, and nothing more can be sent over it.

    Attributes
    ----------
    sent : int
        Batches that were sent whole.
    unconfirmed : int
        The last so many of them, which the receiver has not said it released: they may be lost.
    """

    def __init__(self, message: str, *, sent: int = 0, unconfirmed: int = 0) -> None:
        super().__init__(message)
        self.sent = sent
        self.unconfirmed = unconfirmed


class Backlogged(RuntimeError):  # noqa: N818
    """Nothing more fits, and the policy is to fail."""


class Sender(Protocol):
    """The side that sends.

    Attributes
    ----------
    label : str
        What moves the bytes: every figure taken over the fabric carries it.
    """

    @property
    def label(self) -> str:
        """Return the provenance label."""

    async def send(self, batch: Batch) -> None:
        """Send one batch, whole; raises `Backlogged` where the policy is to fail."""

    async def end(self) -> None:
        """End the stream in good order; idempotent."""


class Receiver(Protocol):
    """The side that receives. One batch is out at a time: receive, look, release.

    Attributes
    ----------
    copies : int
        How often the fabric copies an event between the sender's commit and `receive`.
    """

    copies: int

    @property
    def label(self) -> str:
        """Return the provenance label."""

    @property
    def waiting(self) -> int:
        """Events that wait here and that `receive` would return without waiting itself."""

    async def receive(self) -> Batch:
        """Return the oldest batch, a view valid until `release`.

        Raises
        ------
        EndOfStream
            After the last batch, if the sender ended the stream.
        ConnectionError or cython_core.RingError
            After the last whole batch, if it did not.
        """

    def release(self) -> None:
        """Give the batch last received back to the fabric."""

    def close(self) -> None:
        """Let go of the fabric; idempotent."""


def checked_policy(policy: str, fabric: str, possible: tuple[Policy, ...] = POLICIES) -> Policy:
    """Return `policy`, or say why this fabric cannot have it.

    Raises
    ------
    ValueError
        If there is no such policy, or a producer over this fabric has no way to follow it.
    """
    for known in possible:
        if policy == known:
            return known
    if policy in POLICIES:
        raise ValueError(f"{fabric} cannot {policy}: what was sent is the consumer's already")
    raise ValueError(f"policy must be one of {', '.join(possible)}, not {policy!r}")
