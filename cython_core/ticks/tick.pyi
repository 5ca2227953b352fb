from collections.abc import Callable
from typing import Any

from cython_core.events.record_type import RecordType
from cython_core.routing.dispatch import Counts
from cython_core.routing.native import NativeCalls
from cython_core.routing.routed import Routed

class Tick:
    routed: Routed
    def __init__(
        self,
        routed: Routed,
        seen: Counts,
        failed: Callable[[int, Callable[..., Any], BaseException], None],
        refused: Callable[[Any, Exception], None],
        gap: Callable[[int, Any, int], None],
        record: RecordType | None = None,
    ) -> None: ...
    def call(
        self,
        handlers: tuple[tuple[int, Callable[..., Any]], ...],
        whole: bool = True,
        natives: NativeCalls | None = None,
    ) -> None: ...
    def note_routes(self, nanoseconds: list[int] | None = None) -> None: ...
    def run(self, batch: Any, first: int | None = None) -> bool: ...

class PlainTick:
    routed: Routed
    def __init__(self, routed: Routed) -> None: ...
    def call(self, handlers: tuple[tuple[int, Callable[..., Any]], ...]) -> None: ...
    def note_routes(self, nanoseconds: list[int] | None = None) -> None: ...
    def tick(self, batch: Any) -> None: ...
