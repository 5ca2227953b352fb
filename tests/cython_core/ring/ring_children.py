"""Children of the ring's tests, and what they send."""

import os
import random
from collections.abc import Callable

import numpy as np

from cython_core import Ring


def in_child(work: Callable[[], None]) -> int:
    """Do it in a forked child, and return its process id; its status says whether all went well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def produce(ring: Ring, events: int, seed: int, most: int) -> None:
    draw = random.Random(seed)
    sent = 0
    while sent < events:
        n = min(draw.randint(1, most), events - sent)
        view = ring.reserve(n)
        view["sequence"] = np.arange(sent, sent + n, dtype=np.uint64)
        view["value"] = view["sequence"]
        ring.commit()
        sent += n
