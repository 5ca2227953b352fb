"""Ring transport: slots filled in place, routed where they lie."""

from __future__ import annotations

from typing import Any, ClassVar

from aethermodel.measure.transports.protocol import DEPTH, Batch, Sender, Transport
from cython_core import EVENT_BYTES, Ring
from cython_core.ring.handle import Policy


class _RingSender(Sender):
    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def send(self, batch: Batch) -> None:
        self._ring.write(batch)

    def close(self) -> None:
        self._ring.close()


class RingTransport(Transport):
    """Shared-memory ring of `cython_core`, both ends spinning."""

    name = "ring"
    form = "reserve, copy in, commit; peek in place; spinning"
    any_record = True
    policy: ClassVar[Policy] = "spin"

    def __init__(self, batch_size: int, record_bytes: int = EVENT_BYTES) -> None:
        super().__init__(batch_size, record_bytes)
        capacity = 1 << (DEPTH * batch_size - 1).bit_length()
        self._ring = Ring.create(capacity, role="consumer", policy=self.policy, record=record_bytes)
        self._handle = self._ring.handle()

    def handle(self) -> Any:
        return self._handle

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _RingSender(handle.attach(policy=cls.policy))

    def receive(self) -> Batch:
        return self._ring.peek(self.batch_size)

    def release(self) -> None:
        self._ring.release()

    def close(self) -> None:
        self._handle.close()
        self._ring.close()


class PatientRing(RingTransport):
    """The same ring for cores that have other work: it spins a little, then sleeps."""

    name = "ring, spin then wait"
    form = "reserve, copy in, commit; peek in place; eventfd after a short spin"
    policy = "spin-then-wait"
