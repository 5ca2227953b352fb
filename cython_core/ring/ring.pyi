import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cython_core.events.record_type import Record
from cython_core.ring.end import End
from cython_core.ring.handle import Policy, RingHandle, Role
from cython_core.ticks.ring_batches import RingBatches

class Ring(End):
    @classmethod
    def create(
        cls,
        capacity: int,
        *,
        role: Role = "producer",
        policy: Policy = "spin-then-wait",
        record: Record | None = None,
    ) -> Self: ...
    @classmethod
    def pair(
        cls,
        capacity: int,
        *,
        policy: Policy = "spin-then-wait",
        record: Record | None = None,
    ) -> tuple[Self, Self]: ...
    @classmethod
    def attach(
        cls,
        source: RingHandle | socket.socket | str,
        *,
        policy: Policy = "spin-then-wait",
        most_bytes: int = 2**30,
        record: Record | None = None,
    ) -> Self: ...
    def handle(self) -> RingHandle: ...
    def reserve(self, n: int, *, timeout: float | None = None) -> npt.NDArray[Any]: ...
    def commit(self, n: int | None = None) -> None: ...
    def write(self, events: npt.NDArray[Any], *, timeout: float | None = None) -> None: ...
    def memory(self) -> npt.NDArray[np.uint8]: ...
    async def room(self, n: int = 1) -> None: ...
    def sleep(self, need: int = 1) -> Coroutine[Any, Any, None]: ...
    def peek(self, n: int | None = None, *, timeout: float | None = None) -> npt.NDArray[Any]: ...
    def release(self, n: int | None = None) -> None: ...
    def batches(self, most: int = 65_536) -> RingBatches: ...
    def __iter__(self) -> Iterator[npt.NDArray[Any]]: ...
    def __aiter__(self) -> AsyncIterator[npt.NDArray[Any]]: ...
