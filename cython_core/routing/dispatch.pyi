from collections.abc import Callable
from typing import Any

from cython_core.histogram import Histogram
from cython_core.routing.routed import Routed

class Counts:
    tick_ns: Histogram
    batch_events: Histogram
    waiting_events: Histogram
    def __init__(self, topics: int) -> None: ...
    @property
    def calls(self) -> list[int]: ...
    @property
    def handled(self) -> list[int]: ...
    @property
    def failed(self) -> list[int]: ...
    @property
    def handler_ns(self) -> list[int]: ...

def call_handlers(
    handlers: tuple[tuple[int, Callable[..., Any]], ...],
    seen: Counts,
    whole: bool,
    failed: Callable[[int, Callable[..., Any], BaseException], None],
    batch: Any,
    routed: Routed,
    began_ns: int,
) -> None: ...
