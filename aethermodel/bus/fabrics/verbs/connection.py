"""Resources of one side of a verbs connection, closed in the right order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from aethermodel.bus.fabrics.verbs.exchange import GRACE
from cython_core import RecordType, Ring
from cython_core.ring.shared_memory import slots_for
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
from cython_core.verbs.errors import DeviceRemovedError, PortDownError, RdmaError, UnreachableError

_SMALLEST = 64


def smallest_ring(record: RecordType) -> int:
    """Return the least events of a ring that fills whole pages, as mirrored memory must."""
    return max(_SMALLEST, slots_for(1, record.itemsize))


class Swaps(Protocol):
    """What carries endpoints between two sides that know each other."""

    def swap(self, own: Endpoint) -> Endpoint:
        """Say this side's endpoint and return the peer's."""


class Connection:
    """Device, protection domain and queue pair of one side.

    Parameters
    ----------
    device : str, optional
        Name; by default the first with an active port.
    sends, receives : int
        What the queues hold.

    Attributes
    ----------
    device : Device
    label : {"soft-roce", "rdma-nic"}
        A NIC has hardware behind it in the system's tree of devices; Soft-RoCE has none.
    """

    def __init__(self, device: str | None = None, *, sends: int = 1, receives: int = 1) -> None:
        self._open = ExitStack()
        try:
            self.device = Device(device)
            self._open.callback(self.device.close)
            self.domain = ProtectionDomain(self.device)
            self._open.callback(self.domain.close)
            self.arrivals = CompletionQueue(self.device, receives, notify=True)
            self._open.callback(self.arrivals.close)
            self.queue_pair = QueuePair(
                self.domain, send_depth=sends, receive_depth=receives, receive_queue=self.arrivals
            )
            self._open.callback(self.queue_pair.close)
        except BaseException:
            self._open.close()
            raise
        hardware = Path("/sys/class/infiniband", self.device.name, "device").exists()
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

    def connect(self, exchange: Swaps, own: Endpoint, remote: Endpoint) -> None:
        """Connect to the peer, and wait until it has connected as well.

        Else a first message could be lost and repeated, or a wait end before it began.

        Raises
        ------
        UnreachableError
            If either side finds no way to the other, at both: they may try again in step.
        """
        failure = None
        try:
            self.queue_pair.connect(remote)
        except RdmaError as error:
            failure = error
        # Queue pair 0 is never one that connects.
        answer = exchange.swap(replace(own, number=0) if failure else own)
        if failure:
            raise UnreachableError(f"{self.device.name}: {failure}") from failure
        if not answer.number:
            raise UnreachableError(f"the peer finds no way to {self.device.name}")

    def retire(self, poll: Callable[[], object]) -> RdmaError | None:
        """Stop the queue pair and count what went through: exact, and nothing comes any more.

        The flush tells which requests without a completion were acknowledged; only a reset
        ends what the device has in hand.

        Returns
        -------
        RdmaError or None
            What had failed before, or the flush.
        """
        until = time.monotonic() + GRACE  # a device that is gone may not flush
        met: RdmaError | None = None
        try:
            self.queue_pair.abort()
            while time.monotonic() < until:
                poll()
        except RdmaError as fault:
            met = fault
        with suppress(RdmaError):
            self.queue_pair.reset()
        return met

    def look(self) -> None:
        """Raise what ails the device or its port, now or since the last look.

        Raises
        ------
        DeviceRemovedError, PortDownError, QueuePairFatalError
        """
        self.device.check()
        if not self.device.active():
            raise PortDownError(f"{self.device.name}: port {self.device.port} is down")

    def cause(self, fault: RdmaError | None) -> RdmaError | None:
        """Return what a fault comes from: device or port, where `look` finds them ailing."""
        if isinstance(fault, DeviceRemovedError):
            return fault
        try:
            self.look()
        except RdmaError as deeper:
            deeper.__cause__ = fault
            return deeper
        return fault

    def close(self) -> None:
        """Give everything back; idempotent."""
        self._open.close()


def ring_capacity(remote: Endpoint, record: RecordType) -> int:
    """Return how many events the peer's ring holds.

    Raises
    ------
    ValueError
        If what it exposes is no ring, mapped twice; or one of records of another size.
    """
    if remote.record_bytes != record.itemsize:
        raise ValueError(
            f"the receiver takes records of {remote.record_bytes} bytes, not of {record.itemsize}"
        )
    capacity, rest = divmod(remote.length, 2 * record.itemsize)
    if capacity < smallest_ring(record) or capacity & (capacity - 1) or rest:
        raise ValueError(f"the peer exposes {remote.length} bytes, which is no ring")
    return capacity
