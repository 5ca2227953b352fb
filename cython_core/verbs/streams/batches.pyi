from cython_core.verbs.memory import RdmaBuffer
from cython_core.verbs.queue_pair import QueuePair
from cython_core.verbs.streams.send import SendStream

class BatchStream(SendStream):
    placed: int
    def __init__(
        self,
        queue_pair: QueuePair,
        memory: RdmaBuffer,
        *,
        slots: int,
        list_length: int = 1,
        signal_every: int = 1,
        window: int | None = None,
        start: int = 0,
    ) -> None: ...
    def place(self, offset: int, length: int, immediate: int) -> None: ...
    def flush(self, *, finish: bool = False, timeout: float = 10.0) -> None: ...
    @property
    def pending(self) -> int: ...
