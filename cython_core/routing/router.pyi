from collections.abc import Sequence
from typing import Any, Protocol

import numpy.typing as npt
from typing_extensions import Buffer

from cython_core.events.record_type import Record
from cython_core.routing.routed import Routed

MAX_THREADS: int

class ArrowArray(Protocol):
    """A record batch or struct array with columns ``topic`` and ``value``."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

Column = Buffer | npt.NDArray[Any]
Batch = npt.NDArray[Any] | ArrowArray

def switch_size(topics: int, record_bytes: int = 64) -> int: ...
def extraction_size(topics: int, record_bytes: int, variant: str | None = None) -> int | None: ...
def route(
    events: Batch,
    topics: int,
    *,
    out: Routed | None = None,
    threads: int = 1,
    variant: str | None = None,
    sequence: int | None = None,
    record: Record | None = None,
) -> Routed: ...
def route_columns(
    topic: Column,
    value: Column,
    topics: int,
    *,
    out: Routed | None = None,
    threads: int = 1,
    variant: str | None = None,
) -> Routed: ...
def route_call(events: Batch, topics: int, *, out: Routed | None = None) -> Routed: ...
def time_route(
    batches: Sequence[Batch | tuple[Column, Column]],
    topics: int,
    loops: int,
    *,
    out: Routed,
    threads: int = 1,
    variant: str | None = None,
    record: Record | None = None,
) -> float: ...
