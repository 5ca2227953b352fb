from cython_core.events.record_type import RecordType

class Mapping:
    live: int
    def __init__(
        self, fd: int, events_at: int, slots: int, record: RecordType, writable: bool
    ) -> None: ...

class Lease: ...
