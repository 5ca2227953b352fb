"""Handlers: one that counts events, and the specification's mocked core."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch

if TYPE_CHECKING:
    from aethermodel.published.specification import Specification  # which brings SymPy


class LostEventsError(RuntimeError):
    """The handlers were shown another number of events than the producer sent."""


class Tally:
    """Counts the events its handler is shown."""

    def __init__(self) -> None:
        self.events = 0

    def handle(self, batch: npt.NDArray[Any], indices: npt.NDArray[np.uint32]) -> None:
        """Take one topic's events of one batch."""
        self.events += len(indices)


def mocked_core(specification: Specification) -> Callable[[Batch], None]:
    """Return a core that spins for the specification's time; its figures are ``simulated``."""
    p = specification.parameters
    call, per_event = p["t_ffi"].value, p["t_kernel"].value

    def process(batch: Batch) -> None:
        until = perf_counter() + call + per_event * len(batch)
        while perf_counter() < until:
            pass

    return process
