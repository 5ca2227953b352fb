from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

class CreditNetwork:
    def __init__(
        self,
        credits: int,
        producers: int,
        making: float,
        wires: Sequence[tuple[bool, Integers, Floats, bool]],
        handling: Floats,
        latency: float,
        ready: Floats | None = None,
        sender: Integers | None = None,
        turn: Integers | None = None,
    ) -> None: ...
    def advance(
        self,
        until: float,
        making: Floats,
        handling: Floats,
        consumer: Integers,
        committed: Floats,
        handled: Floats,
    ) -> tuple[int, bool, float]: ...
