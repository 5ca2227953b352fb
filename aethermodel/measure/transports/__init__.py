"""Ways for a batch to cross from one process into another: ours, and those a user might take.

Each is a `Transport`: the consumer makes it, the producer process joins by its handle.
All receive a batch as contiguous events that the consumer may read until it releases them.
"""

from __future__ import annotations

from aethermodel.measure.transports.iceoryx import Iceoryx
from aethermodel.measure.transports.protocol import Transport
from aethermodel.measure.transports.queues import FasterFifo, Pipe, Queue, QueueOfMessages
from aethermodel.measure.transports.ring import PatientRing, RingTransport
from aethermodel.measure.transports.shared_array import SharedArray
from aethermodel.measure.transports.zeromq import ZmqBatches, ZmqMessages

__all__ = ["TRANSPORTS", "Transport"]

TRANSPORTS: dict[str, type[Transport]] = {
    kind.name: kind
    for kind in (
        RingTransport,
        PatientRing,
        Iceoryx,
        SharedArray,
        ZmqBatches,
        ZmqMessages,
        FasterFifo,
        Pipe,
        Queue,
        QueueOfMessages,
    )
}
