"""Mocked core of the specification: busy for as long as the real one would be."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from aethermodel.bus.fabrics.protocol import Batch

if TYPE_CHECKING:
    from aethermodel.published.specification import Specification  # which brings SymPy


def mocked_core(specification: Specification) -> Callable[[Batch], None]:
    """Return a core that spins for the specification's time; its figures are ``simulated``."""
    p = specification.parameters
    call, per_event = p["t_ffi"].value, p["t_kernel"].value

    def process(batch: Batch) -> None:
        until = perf_counter() + call + per_event * len(batch)
        while perf_counter() < until:
            pass

    return process
