"""Links: queues that hand batches from one thread or process to the next.

Every worker of a group has a link to every worker of the next one, and batches are dealt out in
turn: so their order stays, and no two readers share a lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import Any, Protocol

from aethermodel.pipelines.runtime.packed_batches import pack, unpack


class Link(Protocol):
    """One way from a sender to a receiver."""

    def send(self, item: Any) -> None:
        """Hand an item over; waits while the link is full."""

    def receive(self) -> Any:
        """Return the next item; waits for it."""


class ThreadLink:
    """A link within a process: the item itself crosses.

    Parameters
    ----------
    depth : int
        Items that may wait.
    """

    def __init__(self, depth: int) -> None:
        self._items: SimpleQueue[Any] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self._room.put(None)

    def send(self, item: Any) -> None:
        """Hand an item over."""
        self._room.get()
        self._items.put(item)

    def receive(self) -> Any:
        """Return the next item."""
        item = self._items.get()
        self._room.put(None)
        return item


class ProcessLink:
    """A link between processes: the item is pickled, and a pipe holds what waits.

    Either end may be missing, where it is another process's.
    """

    def __init__(self, reader: Connection | None, writer: Connection | None) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    def new(cls) -> ProcessLink:
        """Return a link with both ends."""
        return cls(*Pipe(duplex=False))

    def sending(self) -> ProcessLink:
        """Return the end that sends."""
        return ProcessLink(None, self.writer)

    def receiving(self) -> ProcessLink:
        """Return the end that receives."""
        return ProcessLink(self.reader, None)

    def send(self, item: Any) -> None:
        """Hand an item over."""
        self.send_packed(pack(item))

    def receive(self) -> Any:
        """Return the next item."""
        return unpack(self.receive_packed())

    def send_packed(self, content: bytes) -> None:
        """Hand over an item that is pickled already."""
        assert self.writer is not None
        self.writer.send_bytes(content)

    def receive_packed(self) -> bytes:
        """Return the next item as it came."""
        assert self.reader is not None
        return self.reader.recv_bytes()

    def let_go(self, *, sender: bool, receiver: bool) -> None:
        """Close ends of this process; idempotent."""
        if sender and self.writer is not None:
            self.writer.close()
        if receiver and self.reader is not None:
            self.reader.close()


def sender_link(links: Sequence[Link], batch: int) -> Link:
    """Return the link of the receiver whose turn it is."""
    return links[batch % len(links)]
