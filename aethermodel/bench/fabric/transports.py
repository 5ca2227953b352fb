"""Transports of timed batches: TCP, or the ring of the other host by verbs."""

from __future__ import annotations

import select
import socket
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from aethermodel.bench.fabric.exchanges import RECORD, Answered, Caller, Calls, answer
from aethermodel.bench.fabric.session import Address, Door, Session, dial_timed
from aethermodel.bench.fabric.udp_path import udp_seconds
from aethermodel.bus.fabrics.key_exchange import SharedKey
from aethermodel.fabrics import FabricLabel
from cython_core import crc32c

if TYPE_CHECKING:
    from aethermodel.bench.fabric.remote_ring import RingCaller

Carrier = Literal["tcp", "verbs"]
# Of a connection that was asked for.
_SOON = 30.0
# Soft-RoCE (Linux 6.1) lets 128 packets be unacknowledged, and acknowledges every 64th: a batch of
# more waits for the wire there and back.
_PACKETS = 64


class Within(ABC):
    """Both ends of a connection within this host; the far one is a fork's.

    Parameters
    ----------
    near, far : socket.socket
    """

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._near, self._far = near, far

    @abstractmethod
    def caller(self) -> Calls:
        """Return the side that calls, once the other answers."""

    @abstractmethod
    def answer(self) -> Answered:
        """Answer until it ends."""

    @abstractmethod
    def turn(self) -> None:
        """Do what a side does from the end of its sending until it waits."""

    def path_seconds(self) -> float:
        """Return what a way between two hosts takes of these, and one within a host does not."""
        return 0.0

    def leave_near(self) -> None:
        """Close the near end; idempotent."""
        self._near.close()

    def leave_far(self) -> None:
        """Close the far end; idempotent."""
        self._far.close()


class Transport(ABC):
    """What carries the batches that are timed.

    Attributes
    ----------
    name : {"tcp", "verbs"}
    label : str
        Of its figures.
    batch_most : int or None
        Events of the largest batch that this carries at the pace of the wire; None where any.
    counts_resends : bool
        Whether it is known what was sent again.
    """

    name: ClassVar[Carrier]
    label: FabricLabel
    batch_most: int | None = None
    counts_resends = True

    @abstractmethod
    def within(self) -> Within:
        """Connect two ends within this host.

        Raises
        ------
        OSError
            If there is no loopback, as in a new network namespace.
        """

    @abstractmethod
    def call(self, address: Address, key: SharedKey, session: Session, most: int) -> Calls:
        """Return a new connection of a session that calls the other host.

        Parameters
        ----------
        address : Address
        key : SharedKey
        session : Session
        most : int
            Events of the largest batch.
        """

    @abstractmethod
    def answer(self, door: Door, session: Session, order: dict[str, Any]) -> Answered:
        """Answer what the other host calls, until it ends."""


class Tcp(Transport):
    """The kernel's TCP."""

    name = "tcp"
    label = "kernel-tcp"

    def within(self) -> Within:
        """Connect two ends over loopback."""
        return _TcpWithin(*_connected())

    def call(self, address: Address, key: SharedKey, session: Session, most: int) -> Calls:
        """Dial once more."""
        session.say({"order": "answer"})
        return Caller(dial_timed(address, key, session))

    def answer(self, door: Door, session: Session, order: dict[str, Any]) -> Answered:
        """Answer the next timed connection."""
        return answer(door.timed(session, _SOON))


class _TcpWithin(Within):
    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        super().__init__(near, far)
        self._waiting, self._nothing = select.poll(), memoryview(b"")
        self._waiting.register(near, select.POLLIN)

    def caller(self) -> Calls:
        return Caller(self._near)

    def answer(self) -> Answered:
        return answer(self._far)

    def turn(self) -> None:
        crc32c(self._nothing)
        self._waiting.poll(0)


class Verbs(Transport):
    """Batches written by RDMA into the ring of the other host.

    Parameters
    ----------
    device : str, optional
        By default the one that has the address, or the first with an active port.
    address : str, optional
        IP address of this host.

    Raises
    ------
    ValueError
        If there is no device, with the reason.
    """

    name = "verbs"

    def __init__(self, device: str | None = None, address: str | None = None) -> None:
        from aethermodel.bench.fabric.device_counters import Resends
        from aethermodel.bench.fabric.host_address import device_at
        from aethermodel.measure.host.rdma_devices import label_of, usable_device

        usable_device()
        from cython_core.verbs import Device
        from cython_core.verbs.errors import RdmaError

        try:
            with Device(device or (device_at(address) if address else None)) as opened:
                self.device, mtu, port = opened.name, opened.mtu, opened.port
        except RdmaError as error:
            raise ValueError(f"{device or 'verbs'}: {error}") from None
        self.label = label_of(self.device)
        if self.label == "soft-roce":
            self.batch_most = _PACKETS * mtu // RECORD
        resends = Resends(self.device, port)
        self.counts_resends = resends.known
        resends.close()

    def within(self) -> Within:
        """Connect two queue pairs of the device."""
        return _VerbsWithin(self.device, by_udp=self.label == "soft-roce")

    def call(self, address: Address, key: SharedKey, session: Session, most: int) -> Calls:
        """Connect to a ring of the other host."""
        from aethermodel.bench.fabric.remote_ring import RingCaller

        session.say({"order": "answer", "most": most})
        return RingCaller(session, self.device)

    def answer(self, door: Door, session: Session, order: dict[str, Any]) -> Answered:
        """Have a ring written to."""
        from aethermodel.bench.fabric.remote_ring import answer_ring

        return answer_ring(session, self.device, int(order["most"]))


class _VerbsWithin(Within):
    def __init__(self, device: str, *, by_udp: bool) -> None:
        from aethermodel.bench.fabric import remote_ring

        self._ends, self._device, self._by_udp = remote_ring, device, by_udp
        super().__init__(*socket.socketpair())
        key, token = SharedKey.fresh(), bytes(16)
        self._session = partial(Session, key=key, token=token)
        self._caller: RingCaller | None = None

    def caller(self) -> Calls:
        session = self._session(self._near, listening=False)
        self._caller = self._ends.RingCaller(session, self._device)
        return self._caller

    def answer(self) -> Answered:
        return self._ends.answer_ring(self._session(self._far, listening=True), self._device, 1)

    def turn(self) -> None:
        if self._caller is not None:
            self._caller.turn()

    def path_seconds(self) -> float:
        return udp_seconds() if self._by_udp else 0.0


def _connected() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), 5)
        try:
            while True:
                far, peer = listener.accept()
                if peer == near.getsockname():
                    break
                far.close()  # somebody else of this host
        except BaseException:
            near.close()
            raise
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far
