"""Real verbs: streams of messages over a reliable connection, without the kernel in the way.

Built where libibverbs is found; `cython_core.rdma_available` tells why it is not usable.
"""

try:
    from cython_core.verbs.completion import COMPLETION_DTYPE, CompletionQueue
    from cython_core.verbs.device import Device, Gid, choose_gid, device_names
    from cython_core.verbs.memory import ProtectionDomain, RdmaBuffer
    from cython_core.verbs.queue_pair import QueuePair
    from cython_core.verbs.streams.batches import BatchStream
    from cython_core.verbs.streams.pingpong import pingpong
    from cython_core.verbs.streams.receive import ReceiveStream
    from cython_core.verbs.streams.send import SendStream
except ModuleNotFoundError as error:
    raise ImportError(
        "cython_core was built without libibverbs: install libibverbs-dev and run make parts"
    ) from error
from cython_core.verbs.endpoint import Endpoint

__all__ = [
    "COMPLETION_DTYPE",
    "BatchStream",
    "CompletionQueue",
    "Device",
    "Endpoint",
    "Gid",
    "ProtectionDomain",
    "QueuePair",
    "RdmaBuffer",
    "ReceiveStream",
    "SendStream",
    "choose_gid",
    "device_names",
    "pingpong",
]
