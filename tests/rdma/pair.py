"""Two ends of one connection in one process, each with a protection domain of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cython_core.verbs import (
    Device,
    Endpoint,
    ProtectionDomain,
    QueuePair,
    RdmaBuffer,
    ReceiveStream,
    SendStream,
)

#: Options of a queue pair that soon gives up.
BRIEF = {"timeout": 10, "retries": 1, "rnr_retries": 1, "rnr_timer": 1}


class Side:
    def __init__(self, device: Device, size: int, rights: dict[str, bool], **options: Any) -> None:
        self.domain = ProtectionDomain(device)
        self.array: NDArray[np.uint8] = np.zeros(size, dtype=np.uint8)
        self.memory = RdmaBuffer(self.domain, self.array, **rights)
        self.queue_pair = QueuePair(self.domain, **options)


class Pair:
    """`near` sends, `far` receives."""

    size = 1 << 16

    def __init__(self, device: Device) -> None:
        self.device = device
        self.stack = ExitStack()
        self.near: Any = None
        self.far: Any = None
        self.sender: Any = None
        self.receiver: Any = None

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *exc: object) -> None:
        # Queue pairs first: their requests point into the streams' memory.
        sides = [side for side in (self.near, self.far) if side]
        for side in sides:
            side.queue_pair.close()
        for stream in (self.sender, self.receiver):
            if stream:
                stream.close()
        self.stack.close()
        for side in sides:
            side.memory.close()
            side.domain.close()

    def make(
        self,
        kind: str = "send",
        *,
        size: int = 64,
        slots: int = 256,
        receives: int | None = None,
        rights: dict[str, bool] | None = None,
        near: dict[str, Any] | None = None,
        far: dict[str, Any] | None = None,
        release_every: int = 16,
        start: int = 0,
        **stream: Any,
    ) -> Pair:
        if rights is None:
            rights = {"local_write": True, "remote_write": kind != "send"}
        receives = slots if receives is None else receives
        depths = {"send_depth": slots, "receive_depth": max(receives, 1)}
        self.near = Side(self.device, slots * size, {}, **(depths | (near or {})))
        self.far = Side(self.device, slots * size, rights, **(depths | (far or {})))
        if receives and kind != "write":
            memory = self.far.memory if kind == "send" else None
            self.receiver = ReceiveStream(
                self.far.queue_pair,
                memory=memory,
                size=size if memory else 0,
                slots=receives,
                release_every=release_every,
                start=start,
            )
        self.sender = SendStream(
            self.near.queue_pair,
            self.near.memory,
            kind=kind,
            size=size,
            slots=slots,
            start=start,
            **stream,
        )
        self.connect()
        return self

    def connect(self) -> None:
        here, there = self.endpoints()
        self.near.queue_pair.connect(there)
        self.far.queue_pair.connect(here)
        if self.sender.kind != "send":
            self.sender.aim(there)

    def endpoints(self) -> tuple[Endpoint, Endpoint]:
        """Of the near and the far side."""
        exposed = self.far.memory if self.sender.kind != "send" else None
        return self.near.queue_pair.endpoint(), self.far.queue_pair.endpoint(exposed)

    def recover(self) -> None:
        """As two processes would: both reset, receives posted again, endpoints exchanged."""
        self.near.queue_pair.reset()
        self.far.queue_pair.reset()
        if self.receiver:
            self.receiver.restart()
        self.connect()

    def number(self, first: int, count: int) -> None:
        """Write each message's position at the head of its slot."""
        positions = np.arange(first, first + count, dtype=np.uint64)
        self.slots(self.near)[positions.astype(np.int64) % self.sender.slots] = positions

    def slots(self, side: Side) -> NDArray[np.uint64]:
        return side.array.view(np.uint64)[:: self.sender.size // 8]

    def heads(self, count: int) -> list[int]:
        """The positions at the heads of the oldest `count` unreleased slots."""
        at = (self.receiver.released + np.arange(count)) % self.receiver.slots
        return [int(value) for value in self.slots(self.far)[at]]


def carry(pair: Any, total: int, seen: list[int]) -> None:
    """Send and receive until the far side has `total` messages; note each one's number."""
    deadline = time.monotonic() + 120
    while pair.receiver.released < total:
        assert time.monotonic() < deadline
        room = min(pair.sender.room, total - pair.sender.posted)
        if room:
            pair.number(pair.sender.posted, room)
            pair.sender.send(room)
        pair.receiver.poll()
        ready = pair.receiver.received - pair.receiver.released
        seen += pair.heads(ready)
        pair.receiver.release(ready)
        pair.sender.poll()


def settle(call: Callable[[], object], seconds: float = 10.0) -> None:
    """Repeat `call` until it raises; the caller expects that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        call()
        time.sleep(0.01)
