"""Replay fabric: a recording, at full speed or at its own pace."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch, EndOfStream
from cython_core import Replay

#: Events whose order is looked at in one go.
_CHECKED = 65_536


class ReplayReceiver:
    """Hands out a recording's events, in place: views of the file's mapping.

    Parameters
    ----------
    replay : cython_core.Replay
        An open recording; `close` closes it.
    most : int
        Most events a batch.
    speed : float or None
        Times the pace of the recorded timestamps; None: as fast as it can.

    Raises
    ------
    ValueError
        If a number is out of range; or if the timestamps go backwards where they set the pace.
    """

    label = "loopback"
    copies = 0

    def __init__(self, replay: Replay, most: int = 10_000, speed: float | None = None) -> None:
        if most < 1:
            raise ValueError(f"a batch holds at least 1 event, not {most}")
        if speed is not None and not 0 < speed < float("inf"):
            raise ValueError(f"a speed is above 0, not {speed}")
        self._replay = replay
        self._most = most
        self._speed = speed
        self._stamps = replay.events["timestamp_ns"]
        if speed is not None:
            _check_order(self._stamps, replay.path)
        self._start: float | None = None  # when the first event was asked for

    @property
    def waiting(self) -> int:
        """Events that are due, behind those received."""
        return 0 if self._replay.closed else self._due() - self._position - self._replay.claimed

    async def receive(self) -> Batch:
        """Return the next events that are due.

        Raises
        ------
        EndOfStream
            At the end of the recording.
        """
        if not self._replay.available:
            raise EndOfStream
        loop = asyncio.get_running_loop()
        if self._start is None:
            self._start = loop.time()
        while (due := self._due() - self._position) < 1:
            await asyncio.sleep(self._seconds_at(self._position) - loop.time() + self._start)
        return self._replay.peek(min(due, self._most))

    def release(self) -> None:
        """Go on."""
        self._replay.release()

    def close(self) -> None:
        """Close the recording, even if handlers kept views of it."""
        # A view that a handler kept stays valid memory: the mapping goes with the last one.
        self._replay.__exit__(EndOfStream, None, None)

    @property
    def _position(self) -> int:
        return len(self._replay) - self._replay.available

    def _due(self) -> int:
        """Events of the whole recording whose time has come."""
        if self._speed is None:
            return len(self._replay)
        if self._start is None:
            return 0
        since = (asyncio.get_running_loop().time() - self._start) * self._speed
        now_ns = min(int(self._stamps[0]) + int(since * 1e9), 2**64 - 1)
        return int(np.searchsorted(self._stamps, now_ns, side="right"))

    def _seconds_at(self, position: int) -> float:
        """When an event is due, counted from the first."""
        assert self._speed
        return (int(self._stamps[position]) - int(self._stamps[0])) / 1e9 / self._speed


def _check_order(stamps: npt.NDArray[np.uint64], path: str) -> None:
    for start in range(0, len(stamps) - 1, _CHECKED):
        part = stamps[start : start + _CHECKED + 1]
        back = np.flatnonzero(part[1:] < part[:-1])
        if back.size:
            raise ValueError(
                f"{path}: timestamps go backwards at event {start + int(back[0]) + 1}: "
                "replay it without a speed"
            )
