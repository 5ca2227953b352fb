import numpy as np
import numpy.typing as npt

MAX_TOPICS: int

class Routed:
    offsets: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    total: npt.NDArray[np.float64]
    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    capacity: int
    topics: int
    gap: int
    def __init__(self, capacity: int, topics: int) -> None: ...
    @property
    def indices(self) -> npt.NDArray[np.uint32]: ...
    def __len__(self) -> int: ...
    def select(self, topic: int) -> npt.NDArray[np.uint32]: ...
    def contiguous(self, topic: int) -> slice | None: ...
