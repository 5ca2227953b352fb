from typing import Any

import numpy as np
import numpy.typing as npt

from cython_core.events.record_type import Record

def ends(events: npt.NDArray[Any]) -> tuple[int, int]: ...
def first_gap(events: npt.NDArray[Any], first: int, record: Record | None = None) -> int: ...
def number(
    events: npt.NDArray[Any], first: int, timestamp_ns: int, record: Record | None = None
) -> None: ...
def first_disorder(
    events: npt.NDArray[Any], indices: npt.NDArray[np.uint32], after: int
) -> int: ...
