"""Recovery policy: whether an interrupted stream reconnects, and for how long it tries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from cython_core.verbs.errors import (
    LocalLengthError,
    LocalProtectionError,
    NoDeviceError,
    PeerDiedError,
    RdmaError,
    RemoteAccessError,
    RemoteInvalidRequestError,
    UnreachableError,
)

#: Requests that are wrong stay wrong.
FINAL = (LocalLengthError, LocalProtectionError, RemoteAccessError, RemoteInvalidRequestError)
#: What may come yet: a device with an active port, and a way from there to the peer.
MISSING = (NoDeviceError, UnreachableError)
#: Seconds between looks for it.
RETRY = 0.02
#: Seconds after which a connection has healed even if nothing moved: longer than its retries.
HELD = 5.0

Made = TypeVar("Made")


class Recovery:
    """Connects a side again, off the event loop.

    Parameters
    ----------
    within : float
        Seconds that a stream may stand still, from its first fault; 0 makes that one final.

    Raises
    ------
    ValueError
        If `within` is negative or no number.

    Attributes
    ----------
    count : int
        How often a connection was made again.
    """

    def __init__(self, within: float) -> None:
        if not within >= 0:
            raise ValueError(f"recover_within must be at least 0 seconds, not {within}")
        self.count = 0
        self._within = within
        self._position = -1
        self._since = self._until = self._made = -HELD

    def allows(self, fault: Exception | None, position: int) -> bool:
        """Return whether to connect again.

        Parameters
        ----------
        fault : Exception or None
            What interrupted this side; None where the peer asks.
        position : int
            How far the stream has come: where it has moved since the last fault, time
            begins anew.
        """
        now = time.monotonic()
        if position != self._position or now > self._made + HELD:
            self._position, self._since = position, now
        self._until = (now if fault is None else self._since) + self._within
        return now < self._until and not isinstance(fault, FINAL)

    async def run(self, connect: Callable[[float], Made], gone: Callable[[], bool]) -> Made:
        """Call `connect` with the seconds left, again while there is nothing to connect with.

        Parameters
        ----------
        connect : callable
            Runs in a thread.
        gone : callable
            Whether the peer has hung up, or this side.

        Raises
        ------
        NoDeviceError, UnreachableError
            If there is no device, or no way to the peer, within the time.
        PeerDiedError
            If the peer goes before.
        Exception
            What else `connect` raises.
        """

        def attempt() -> Made:
            while True:
                left = self._until - time.monotonic()
                try:
                    return connect(max(left, RETRY))
                except MISSING:
                    if time.monotonic() >= self._until:
                        raise
                if gone():
                    raise PeerDiedError("the peer hung up")
                time.sleep(RETRY)

        made = await asyncio.to_thread(attempt)
        self._made = time.monotonic()
        self.count += 1
        return made


def verdict(fault: RdmaError | None, failure: Exception) -> Exception:
    """Return what ends a stream: its fault, where that did not heal, or what came on top."""
    if fault is not None and isinstance(failure, (NoDeviceError, TimeoutError)):
        return fault
    # A peer on the same host may give up over the same fault, and a moment before.
    failure.__cause__ = failure.__cause__ or fault
    return failure
