"""One tick: routes a batch, then calls each topic's handler with views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from cython_core import MAX_TOPICS, Routed
from cython_core.ticks.tick import PlainTick

Batch = npt.NDArray[Any]
#: Called with the batch and the positions of the topic's events in it. Both are
#: views: a handler that wants to keep events past its return copies them.
Handler = Callable[[Batch, npt.NDArray[np.uint32]], None]


class Plane(PlainTick):
    """Routes batches and calls one handler a topic.

    Parameters
    ----------
    topics : int
        Number of topics K, 1 to 65,536.
    capacity : int
        Most events a batch may hold.

    Raises
    ------
    ValueError
        If `topics` or `capacity` is out of range.
    """

    def __init__(self, topics: int, capacity: int) -> None:
        super().__init__(Routed(capacity, topics))
        self.topics = topics
        self._handlers: dict[int, Handler] = {}

    def on(self, topic: int, handler: Handler) -> None:
        """Call `handler` once for every batch that has events of `topic`."""
        if not 0 <= topic < self.topics:
            raise ValueError(f"topic {topic} is not among 0 to {min(self.topics, MAX_TOPICS) - 1}")
        self._handlers[topic] = handler
        self.call(tuple(self._handlers.items()))
