"""ZeroMQ transports over ipc: batches as frames, or one message an event."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
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


class _ZmqSender(Sender):
    def __init__(self, address: str, *, single: bool) -> None:
        import zmq

        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.linger = 0  # what was not taken by then is nobody's
        self._socket.set_hwm(100_000 if single else DEPTH)
        self._socket.connect(address)
        self._single = single

    def send(self, batch: Batch) -> None:
        if not self._single:
            self._socket.send(as_bytes(batch), copy=True)
            return
        view, send = as_bytes(batch), self._socket.send
        for at in range(0, len(view), EVENT_BYTES):
            send(view[at : at + EVENT_BYTES])

    def close(self) -> None:
        self._socket.close()
        self._context.term()


class ZmqBatches(Transport):
    """PUSH and PULL over a Unix socket, one frame a batch, received without a copy."""

    name = "pyzmq"
    form = "one frame a batch over ipc; blocking"
    single = False

    def __init__(self, batch_size: int) -> None:
        import zmq

        super().__init__(batch_size)
        # In a folder that only this user may enter: the socket has no other guard.
        self._folder = mkdtemp(prefix="aethermodel-")
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.linger = 0
        self._socket.set_hwm(100_000 if self.single else DEPTH)
        self._address = f"ipc://{Path(self._folder) / f'{os.getpid()}'}"
        self._socket.bind(self._address)

    def handle(self) -> Any:
        return self._address

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _ZmqSender(handle, single=cls.single)

    def receive(self) -> Batch:
        return as_events(self._socket.recv(copy=False).buffer)

    def close(self) -> None:
        self._socket.close()
        self._context.term()
        rmtree(self._folder, ignore_errors=True)


class ZmqMessages(ZmqBatches):
    """One message an event, gathered into a batch on arrival."""

    name = "pyzmq, single messages"
    form = "one message an event over ipc; blocking"
    single = True

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self._batch = allocate(batch_size)
        self._bytes = as_bytes(self._batch)

    def receive(self) -> Batch:
        receive, target = self._socket.recv, self._bytes
        for at in range(0, len(target), EVENT_BYTES):
            target[at : at + EVENT_BYTES] = receive()
        return self._batch
