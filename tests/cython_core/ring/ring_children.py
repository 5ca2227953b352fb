"""Children of the ring's tests, and what they send."""

import random

import numpy as np

from cython_core import Ring


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
