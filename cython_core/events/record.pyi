import numpy as np

EVENT_BYTES: int
MAX_EVENTS: int
EVENT_DTYPE: np.dtype[np.void]

def c_layout() -> dict[str, int]: ...
