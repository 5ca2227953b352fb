"""Shared-array transport: multiprocessing.shared_memory with two semaphores."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from aethermodel.measure.transports.protocol import DEPTH, Batch, Sender, Transport
from cython_core import EVENT_BYTES, EVENT_DTYPE

_SPAWN = multiprocessing.get_context("spawn")


class _ArraySender(Sender):
    def __init__(self, name: str, batch_size: int, free: Any, full: Any) -> None:
        self._memory = SharedMemory(name)
        self._slots = np.ndarray((DEPTH, batch_size), EVENT_DTYPE, self._memory.buf)
        self._free, self._full = free, full
        self._turn = 0

    def send(self, batch: Batch) -> None:
        self._free.acquire()
        # As bytes: numpy copies records field by field.
        self._slots[self._turn].view(np.uint8)[:] = batch.view(np.uint8)
        self._turn = (self._turn + 1) % DEPTH
        self._full.release()

    def close(self) -> None:
        del self._slots
        self._memory.close()


class SharedArray(Transport):
    """A ring of whole batches in a shared_memory block, guarded by semaphores."""

    name = "shared_memory + numpy"
    form = "copy into a slot, semaphore; read in place; blocking"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        size = DEPTH * batch_size * EVENT_BYTES
        self._memory = SharedMemory(create=True, size=size)
        try:
            # Memory that runs out must fail here, not as a SIGBUS in whoever touches it first.
            os.posix_fallocate(self._memory._fd, 0, size)  # type: ignore[attr-defined]
        except OSError as error:
            self._memory.close()
            self._memory.unlink()
            raise OSError(error.errno, f"no room for {size:,} bytes", "/dev/shm") from None
        self._slots: Any = np.ndarray((DEPTH, batch_size), EVENT_DTYPE, self._memory.buf)
        self._free, self._full = _SPAWN.Semaphore(DEPTH), _SPAWN.Semaphore(0)
        self._turn = 0

    def handle(self) -> Any:
        return self._memory.name, self.batch_size, self._free, self._full

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _ArraySender(*handle)

    def receive(self) -> Batch:
        self._full.acquire()
        batch: Batch = self._slots[self._turn]
        return batch

    def release(self) -> None:
        self._turn = (self._turn + 1) % DEPTH
        self._free.release()

    def close(self) -> None:
        self._slots = None
        self._memory.close()
        self._memory.unlink()
