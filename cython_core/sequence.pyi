from typing import Any

import numpy as np
import numpy.typing as npt

def first_gap(events: npt.NDArray[Any], first: int) -> int: ...
def number(events: npt.NDArray[Any], first: int, timestamp_ns: int) -> None: ...
def first_disorder(
    events: npt.NDArray[Any], indices: npt.NDArray[np.uint32], after: int
) -> int: ...
