from typing import Any, Literal, Self

from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.memory import RdmaBuffer
from cython_core.verbs.queue_pair import QueuePair

KINDS: dict[str, int]

class SendStream:
    queue_pair: QueuePair
    memory: RdmaBuffer
    kind: str
    size: int
    slots: int
    stride: int
    extent: int
    list_length: int
    signal_every: int
    window: int
    inline: bool
    credits: bool
    def __init__(
        self,
        queue_pair: QueuePair,
        memory: RdmaBuffer,
        *,
        kind: Literal["send", "write", "write-immediate"] | str = "send",
        size: int,
        slots: int,
        stride: int | None = None,
        list_length: int = 16,
        signal_every: int = 16,
        window: int | None = None,
        inline: bool | None = None,
        credits: bool | None = None,
        start: int = 0,
    ) -> None: ...
    def aim(self, remote: Endpoint, offset: int = 0) -> None: ...
    def send(self, count: int, *, finish: bool = True, timeout: float = 10.0) -> None: ...
    def drain(self, *, timeout: float = 10.0) -> None: ...
    def poll(self) -> int: ...
    @property
    def posted(self) -> int: ...
    @property
    def completed(self) -> int: ...
    @property
    def granted(self) -> int: ...
    @property
    def room(self) -> int: ...
    @property
    def counters(self) -> dict[str, int]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: Any) -> None: ...
