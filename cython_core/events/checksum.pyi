from typing import Any

import numpy as np
import numpy.typing as npt

from cython_core.events.record_type import Record

def checksum_variants() -> tuple[str, ...]: ...
def crc32c(
    data: bytes | bytearray | memoryview | npt.NDArray[Any], *, variant: str | None = None
) -> int: ...
def frame_checksum(data: Any, record_bytes: int = 64) -> int: ...
def stamp(
    events: npt.NDArray[Any], *, variant: str | None = None, record: Record | None = None
) -> None: ...
def verify(
    events: npt.NDArray[Any], *, variant: str | None = None, record: Record | None = None
) -> npt.NDArray[np.uint32]: ...
def time_verify(
    batches: list[npt.NDArray[Any]], loops: int, *, variant: str | None = None
) -> float: ...
def time_stamp(
    batches: list[npt.NDArray[Any]], loops: int, *, variant: str | None = None
) -> float: ...
