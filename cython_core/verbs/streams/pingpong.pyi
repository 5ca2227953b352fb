import numpy as np
from numpy.typing import NDArray

from cython_core.verbs.streams.receive import ReceiveStream
from cython_core.verbs.streams.send import SendStream

def pingpong(
    sender: SendStream,
    receiver: ReceiveStream,
    rounds: int,
    *,
    first: bool,
    timeout: float = 60.0,
) -> NDArray[np.float64]: ...
