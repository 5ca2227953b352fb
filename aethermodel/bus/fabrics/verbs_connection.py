"""What one side of a verbs connection holds, made in a thread and closed in the right order."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from aethermodel.bus.fabrics.verbs_exchange import Exchange
from cython_core import EVENT_BYTES, Ring
from cython_core.verbs import (
    BatchStream,
    CompletionQueue,
    Device,
    Endpoint,
    ProtectionDomain,
    QueuePair,
    RdmaBuffer,
    ReceiveStream,
)

#: Events of the smallest ring that fills whole pages, as mirrored memory must.
SMALLEST = 64


class Connection:
    """Device, protection domain and queue pair of one side, and the peer's endpoint.

    Parameters
    ----------
    exchange : Exchange
        Closed with this object.
    device : str, optional
        Name; by default the first with an active port.
    sends, receives : int
        What the queues hold.

    Attributes
    ----------
    label : {"soft-roce", "rdma-nic"}
        A NIC has hardware behind it in the system's tree of devices; Soft-RoCE has none.
    """

    def __init__(
        self, exchange: Exchange, *, device: str | None = None, sends: int = 1, receives: int = 1
    ) -> None:
        self.exchange = exchange
        self._open = ExitStack()
        self._open.callback(exchange.close)
        try:
            opened = Device(device)
            self._open.callback(opened.close)
            self.domain = ProtectionDomain(opened)
            self._open.callback(self.domain.close)
            self.arrivals = CompletionQueue(opened, receives, notify=True)
            self._open.callback(self.arrivals.close)
            self.queue_pair = QueuePair(
                self.domain, send_depth=sends, receive_depth=receives, receive_queue=self.arrivals
            )
            self._open.callback(self.queue_pair.close)
        except BaseException:
            self._open.close()
            raise
        hardware = Path("/sys/class/infiniband", opened.name, "device").exists()
        self.label = "rdma-nic" if hardware else "soft-roce"

    def register(self, ring: Ring, *, remote_write: bool = False) -> RdmaBuffer:
        """Register a ring's memory, mapped twice: pages count twice against the memlock limit."""
        memory = RdmaBuffer(self.domain, ring.memory(), remote_write=remote_write)
        self._open.callback(memory.close)
        return memory

    def keep(self, stream: BatchStream | ReceiveStream) -> None:
        """Close the stream with the rest: after the queue pair, whose requests point into it."""
        self._open.callback(stream.close)
        self._open.callback(self.queue_pair.close)

    def swap(self, memory: RdmaBuffer | None = None) -> Endpoint:
        """Tell the peer this side's endpoint, connect to the peer's and return it."""
        own = self.queue_pair.endpoint(memory)
        remote = self.exchange.swap(own)
        self.queue_pair.connect(remote)
        self.exchange.swap(own)  # both are connected: no first message is lost and repeated
        return remote

    def close(self) -> None:
        """Hang up and give everything back; idempotent."""
        self._open.close()


def ring_capacity(remote: Endpoint) -> int:
    """Return how many events the peer's ring holds.

    Raises
    ------
    ValueError
        If what it exposes is no ring, mapped twice.
    """
    capacity = remote.length // (2 * EVENT_BYTES)
    if capacity < SMALLEST or capacity & (capacity - 1) or remote.length != capacity * 128:
        raise ValueError(f"the peer exposes {remote.length} bytes, which is no ring")
    return capacity
