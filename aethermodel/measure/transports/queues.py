"""Queue transports: the standard library's, and faster-fifo."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from queue import Empty
from typing import Any

from aethermodel.measure.transports.protocol import (
    DEPTH,
    Batch,
    Sender,
    Transport,
    as_bytes,
    as_events,
)
from cython_core import EVENT_BYTES, allocate

_SPAWN = multiprocessing.get_context("spawn")
_LOOK_SECONDS = 1.0


class _Put(Sender):
    def __init__(self, put: Any) -> None:
        self._put = put

    def send(self, batch: Batch) -> None:
        # A queue keeps its reference until its own thread has pickled it.
        self._put(batch.tobytes())


class Queue(Transport):
    """multiprocessing.Queue with one item a batch."""

    name = "multiprocessing.Queue"
    form = "one item a batch (bytes); blocking"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self._queue: Any = _SPAWN.Queue(DEPTH)

    def handle(self) -> Any:
        return self._queue

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _Put(handle.put)

    def receive(self) -> Batch:
        return as_events(self._queue.get())

    def close(self) -> None:
        self._queue.close()


class _PutEach(Sender):
    def __init__(self, put: Any) -> None:
        self._put = put

    def send(self, batch: Batch) -> None:
        put = self._put
        for event in batch:
            put(event.tobytes())


class QueueOfMessages(Transport):
    """multiprocessing.Queue with one item an event, gathered on arrival."""

    name = "multiprocessing.Queue, single messages"
    form = "one item an event (bytes); blocking"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self._queue: Any = _SPAWN.Queue(10_000)
        self._batch = allocate(batch_size)
        self._bytes = as_bytes(self._batch)

    def handle(self) -> Any:
        return self._queue

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _PutEach(handle.put)

    def receive(self) -> Batch:
        get, target = self._queue.get, self._bytes
        for at in range(0, len(target), EVENT_BYTES):
            target[at : at + EVENT_BYTES] = get()
        return self._batch

    def close(self) -> None:
        self._queue.close()


class _PipeSender(Sender):
    def __init__(self, end: Any) -> None:
        self._end = end

    def send(self, batch: Batch) -> None:
        self._end.send_bytes(batch.view("u1"))


class Pipe(Transport):
    """multiprocessing.Pipe, received into a batch that is kept."""

    name = "multiprocessing.Pipe"
    form = "one message a batch, received in place; blocking"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self._end, self._other = _SPAWN.Pipe(duplex=False)
        self._batch = allocate(batch_size)
        self._bytes = self._batch.view("u1")

    def handle(self) -> Any:
        return self._other

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _PipeSender(handle)

    def receive(self) -> Batch:
        self._end.recv_bytes_into(self._bytes)
        return self._batch

    def close(self) -> None:
        self._end.close()
        self._other.close()


class FasterFifo(Transport):
    """faster-fifo with one item a batch, its own serialisation switched off."""

    name = "faster-fifo"
    form = "one item a batch (bytes); blocking"

    def __init__(self, batch_size: int) -> None:
        from faster_fifo import Queue as Fifo

        super().__init__(batch_size)
        size = DEPTH * (batch_size * EVENT_BYTES + 64)
        self._queue = Fifo(max_size_bytes=size, loads=_same, dumps=_same)

    def handle(self) -> Any:
        return self._queue

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _Put(lambda data: handle.put(data, timeout=60))

    def receive(self) -> Batch:
        # Its wait is not to be interrupted, and would go on when the producer has died.
        while True:
            with suppress(Empty):
                return as_events(self._queue.get(timeout=_LOOK_SECONDS))

    def close(self) -> None:
        self._queue.close()


def _same(data: Any) -> Any:
    return data
