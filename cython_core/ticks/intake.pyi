from typing import Any

from cython_core.routing.dispatch import Counts
from cython_core.ticks.tick import Tick

class Intake:
    receiver: Any
    left: int | None
    held: int
    out: bool
    def __init__(
        self, receiver: Any, seen: Counts, numbered: bool = False, record_bytes: int = 64
    ) -> None: ...
    def taken(self, batch: Any) -> int | None: ...
    def done(self) -> None: ...
    def handle(self, tick: Tick, batch: Any) -> None: ...
    def drain(self, tick: Tick, most: int) -> int: ...
