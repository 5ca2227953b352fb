"""Counting handlers: the least work that proves every event was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class LostEventsError(RuntimeError):
    """The handlers were shown another number of events than the producer sent."""


class Tally:
    """Counts the events its handler is shown."""

    def __init__(self) -> None:
        self.events = 0

    def handle(self, batch: npt.NDArray[Any], indices: npt.NDArray[np.uint32]) -> None:
        """Take one topic's events of one batch."""
        self.events += len(indices)
