"""Router written in numba: two passes, no allocation in the loop."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=False, boundscheck=False, error_model="numpy")
def route_records(
    topic: Any,
    value: Any,
    indices: Any,
    offsets: Any,
    count: Any,
    total: Any,
    low: Any,
    high: Any,
) -> None:
    """Partition by topic; arrays as in `cython_core.Routed`, written in place."""
    topics = count.size
    for t in range(topics):
        count[t] = 0
        total[t] = 0.0
        low[t] = np.inf
        high[t] = -np.inf
    for i in range(topic.size):
        count[topic[i]] += 1
    start = 0
    for t in range(topics):
        offsets[t] = start
        start += count[t]
    for i in range(topic.size):
        t = topic[i]
        v = value[i]
        indices[offsets[t]] = i
        offsets[t] += 1
        total[t] += v
        low[t] = min(low[t], v)
        high[t] = max(high[t], v)
    for t in range(topics, 0, -1):
        offsets[t] = offsets[t - 1]
    offsets[0] = 0
