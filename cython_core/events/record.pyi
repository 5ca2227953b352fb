from typing import Any

import numpy as np
import numpy.typing as npt

EVENT_BYTES: int
MAX_EVENTS: int
EVENT_DTYPE: np.dtype[np.void]

def c_layout() -> dict[str, int]: ...
def allocate(n: int, record: Any = None) -> npt.NDArray[Any]: ...
