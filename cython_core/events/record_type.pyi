from typing import Any

import numpy as np
import numpy.typing as npt

MIN_RECORD_BYTES: int
MAX_RECORD_BYTES: int

class RecordType:
    dtype: np.dtype[Any]
    topic: str
    value: str | None
    checksum: str | None
    itemsize: int
    topic_offset: int
    topic_bytes: int
    value_offset: int
    checksum_offset: int
    sequence_offset: int
    sequence_bytes: int
    time_offset: int
    alignment: int
    event: bool
    def __init__(
        self,
        dtype: npt.DTypeLike,
        *,
        topic: str = "topic",
        value: str | None = None,
        checksum: str | None = None,
    ) -> None: ...

#: What stands for a type of records.
Record = RecordType | np.dtype[Any] | int

EVENT: RecordType

def record_type(what: Record | None = None) -> RecordType: ...
def standard_dtype(record_bytes: int) -> np.dtype[Any]: ...
def as_records(batch: npt.NDArray[Any], record: Record | None = None) -> npt.NDArray[Any]: ...
