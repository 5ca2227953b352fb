"""Ways for a batch to cross from one process into another: ours, and those a user might take.

Each is a `Transport`: the consumer makes it, the producer process joins by its handle.
All receive a batch as contiguous events that the consumer may read until it releases them.
"""

from __future__ import annotations

from importlib.util import find_spec
from shutil import which

from aethermodel.measure.transports.iceoryx import Iceoryx
from aethermodel.measure.transports.protocol import Transport
from aethermodel.measure.transports.queues import FasterFifo, Pipe, Queue, QueueOfMessages
from aethermodel.measure.transports.redis_streams import RedisStreams
from aethermodel.measure.transports.ring import PatientRing, RingTransport
from aethermodel.measure.transports.shared_array import SharedArray
from aethermodel.measure.transports.zeromq import ZmqBatches, ZmqMessages

__all__ = ["TRANSPORTS", "Transport", "lacking"]

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
        RedisStreams,
        Pipe,
        Queue,
        QueueOfMessages,
    )
}

_MODULES = {
    "iceoryx2": "iceoryx2",
    "pyzmq": "zmq",
    "pyzmq, single messages": "zmq",
    "faster-fifo": "faster_fifo",
    "Redis Streams": "redis",
}


def lacking(name: str) -> str:
    """Return what a transport lacks here, with the remedy; empty if nothing."""
    module = _MODULES.get(name, "sys")
    if not find_spec(module):
        return f"{module} is not installed (pip install 'aethermodel[bench]')"
    if name == "Redis Streams" and not which("redis-server"):
        return "redis-server is not installed (Debian: apt install redis-server)"
    return ""
