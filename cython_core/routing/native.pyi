from collections.abc import Callable
from typing import Any

from cython_core.events.record_type import RecordType
from cython_core.routing.dispatch import Counts
from cython_core.routing.routed import Routed

CAPSULE_NAME: str
SIGNATURE: str

class HandlerError(RuntimeError):
    status: int
    def __init__(self, status: int) -> None: ...

class NativeHandler:
    function: Any
    context: Any
    address: int
    def __init__(self, function: Any, context: Any = None) -> None: ...

def native_handler(handler: Any) -> NativeHandler | None: ...

class NativeCalls:
    record: RecordType
    def __init__(
        self, handlers: tuple[tuple[int, NativeHandler], ...], topics: int, record: RecordType
    ) -> None: ...

def call_all(
    natives: NativeCalls,
    handlers: tuple[tuple[int, Callable[..., Any]], ...],
    seen: Counts,
    whole: bool,
    failed: Callable[[int, Any, BaseException], None],
    batch: Any,
    routed: Routed,
    began_ns: int,
) -> None: ...
