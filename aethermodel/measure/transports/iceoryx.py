"""iceoryx2 transport: a loaned slice, filled and received in place."""

from __future__ import annotations

import ctypes
from typing import Any
from uuid import uuid4

import numpy as np

from aethermodel.measure.transports.protocol import DEPTH, Batch, Sender, Transport, as_events
from cython_core import EVENT_BYTES


def _service(name: str) -> tuple[Any, Any]:
    import iceoryx2 as iox2

    iox2.set_log_level(iox2.LogLevel.Error)
    node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
    builder = node.service_builder(iox2.ServiceName.new(name)).publish_subscribe(
        iox2.Slice[ctypes.c_uint8]
    )
    service = (
        builder.payload_alignment(iox2.Alignment.new(EVENT_BYTES))
        .enable_safe_overflow(False)
        .subscriber_max_buffer_size(DEPTH)
        .subscriber_max_borrowed_samples(2)
        .open_or_create()
    )
    return node, service


class _IceoryxSender(Sender):
    def __init__(self, name: str, batch_size: int) -> None:
        import iceoryx2 as iox2

        self._bytes = batch_size * EVENT_BYTES
        self._node, service = _service(name)
        self._publisher = (
            service.publisher_builder()
            .initial_max_slice_len(self._bytes)
            .backpressure_strategy(iox2.BackpressureStrategy.RetryUntilDelivered)
            .create()
        )

    def send(self, batch: Batch) -> None:
        sample = self._publisher.loan_slice_uninit(self._bytes)
        # As bytes: numpy copies records field by field.
        np.frombuffer(sample.payload().as_memory_view(), np.uint8)[:] = batch.view(np.uint8)
        sample.assume_init().send()

    def close(self) -> None:
        self._publisher.delete()


class Iceoryx(Transport):
    """iceoryx2 publish-subscribe, both ends polling."""

    name = "iceoryx2"
    form = "loan a slice, copy in, send; read in place; polling"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self._name = f"aethermodel/{uuid4().hex}"
        self._node, service = _service(self._name)
        self._subscriber = service.subscriber_builder().create()
        self._sample: Any = None

    def handle(self) -> Any:
        return self._name, self.batch_size

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _IceoryxSender(*handle)

    def joined(self) -> None:
        """Open the connection.

        A publisher that has filled the buffer of a subscriber which has not, drops what follows.
        """
        sample = self._subscriber.receive()
        assert sample is None

    def receive(self) -> Batch:
        receive = self._subscriber.receive
        while (sample := receive()) is None:
            pass
        self._sample = sample
        payload = sample.payload()
        return as_events(payload.as_memory_view())

    def release(self) -> None:
        self._sample.delete()

    def close(self) -> None:
        self._subscriber.delete()
