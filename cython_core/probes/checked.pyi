from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from cython_core.events.record_type import RecordType
from cython_core.histogram import Histogram

class CheckedStream:
    latency_ns: Histogram
    next: int
    left: int
    began_ns: int
    ended_ns: int
    def __init__(
        self,
        receiver: Any,
        batches: int,
        first: int,
        lap: int,
        every: bool,
        inspect: Callable[[npt.NDArray[Any]], None] | None,
        released: Callable[[int], None] | None,
        wrong: Callable[[npt.NDArray[Any], int, int], Exception],
        record: RecordType | None = None,
    ) -> None: ...
    @property
    def waiting(self) -> int: ...
    def ready(self) -> npt.NDArray[Any] | None: ...
    def check(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]: ...
    def release(self) -> None: ...
