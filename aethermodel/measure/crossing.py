"""A producer process at the other end of a fabric, which sends what it is told to."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import process_time, sleep
from typing import Literal, NamedTuple, Self

from aethermodel.bus.fabric import Batch, Receiver, SenderLost
from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.bus.fabrics.tcp import TcpListener, TcpReceiver, TcpSender
from aethermodel.measure.checksums import checksums
from aethermodel.measure.workload import make_batch
from cython_core import Ring, RingHandle, now_ns, number

CrossingFabric = Literal["shm", "tcp"]
#: Makes a batch from its first sequence and the time it is meant to go, and sends it.
Send = Callable[[int, int], Awaitable[None]]
# Nearer to the due time than this the producer spins: a sleep may take as much longer.
_SPIN_NS = 200_000


class Order(NamedTuple):
    """What the producer is to send.

    Attributes
    ----------
    batches : int
    first : int
        Sequence of the first event.
    interval_ns : int
        Between the times at which batches are meant to go; 0: as fast as they can.
    start_ns: int
        When the first one is meant to go; 0: at once.
    """

    batches: int
    first: int
    interval_ns: int = 0
    start_ns: int = 0


class Spent(NamedTuple):
    """What an order took the producer.

    Attributes
    ----------
    cpu_seconds : float
    """

    cpu_seconds: float


class Crossing:
    """The consumer's hold of a producer process.

    Attributes
    ----------
    receiver : Receiver
    sent : int
        Events ordered so far: the sequence of the next one.
    """

    def __init__(self, receiver: Receiver, child: BaseProcess, orders: Connection) -> None:
        self.receiver = receiver
        self.sent = 0
        self._child = child
        self._orders = orders

    @classmethod
    async def open(
        cls, fabric: CrossingFabric, batch_size: int, topics: int, *, checksum: bool = False
    ) -> Self:
        """Start a producer process and connect to it, on the running event loop.

        Parameters
        ----------
        fabric : {"shm", "tcp"}
        batch_size, topics : int
            Of the batches that it sends.
        checksum : bool
            Stamp every event's checksum, where the kernel library has checksums.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        if fabric == "shm":
            ring = Ring.create(ring_capacity(batch_size), role="consumer")
            with ring.handle() as handle:
                child = context.Process(
                    target=_serve_ring,
                    args=(handle, batch_size, topics, checksum, theirs),
                    daemon=True,
                )
                child.start()
            return cls(ShmReceiver(ring, batch_size), child, ours)
        listener = await TcpListener.listen(most=batch_size)
        child = context.Process(
            target=_serve_tcp,
            args=(listener.port, batch_size, topics, checksum, theirs),
            daemon=True,
        )
        child.start()
        try:
            return cls(await _connection_of(child, listener), child, ours)
        finally:
            listener.close()

    @property
    def pid(self) -> int:
        """Of the producer."""
        assert self._child.pid is not None
        return self._child.pid

    def order(self, batches: int, batch_size: int, interval_ns: int = 0, start_ns: int = 0) -> int:
        """Let the producer send, after what was ordered before; returns its first sequence."""
        first = self.sent
        self._orders.send(Order(batches, first, interval_ns, start_ns))
        self.sent += batches * batch_size
        return first

    def spent(self) -> Spent:
        """Wait until the oldest order is done, and return what it took the producer."""
        spent = self._orders.recv()
        assert isinstance(spent, Spent)
        return spent

    def close(self) -> None:
        """End the producer."""
        self._orders.close()  # it ends when there is nobody to order
        self.receiver.close()
        self._child.join(5)
        if self._child.is_alive():
            self._child.kill()
            self._child.join()


async def _connection_of(child: BaseProcess, listener: TcpListener) -> TcpReceiver:
    accepted = asyncio.create_task(listener.accept())
    while not (await asyncio.wait({accepted}, timeout=0.1))[0]:
        if not child.is_alive():
            accepted.cancel()
            raise SenderLost("the producer's process ended before it connected")
    return await accepted


def ring_capacity(batch_size: int) -> int:
    """Return the ring's size: a power of two with room for eight batches.

    With four, the consumer fetches lines from the producer's own cache; with eight they
    have been written back to the shared one, which both ends reach faster.
    """
    return 1 << max(8 * batch_size - 1, 1023).bit_length()


def _serve_ring(
    handle: RingHandle, batch_size: int, topics: int, checksum: bool, orders: Connection
) -> None:
    with handle.attach() as ring:
        asyncio.run(_serve(orders, batch_size, ring_send(ring, batch_size, topics, checksum)))


def ring_send(ring: Ring, batch_size: int, topics: int, checksum: bool = False) -> Send:
    """Return what makes a batch in the ring itself: after the first lap only numbers change.

    Parameters
    ----------
    ring : cython_core.Ring
        A producer's end.
    batch_size, topics : int
    checksum : bool
        As for `Crossing.open`.
    """
    stamp = _stamp(checksum)
    events = make_batch(ring_capacity(batch_size), topics, seed=0)

    async def send(first: int, meant_ns: int) -> None:
        room = ring.reserve(batch_size)
        if first < ring.capacity:  # the first lap: topics and values
            start = min(first, len(events) - batch_size)
            room.view("u1")[:] = events[start : start + batch_size].view("u1")
        number(room, first, meant_ns)
        if stamp:
            stamp(room)
        ring.commit()

    return send


def _serve_tcp(port: int, batch_size: int, topics: int, checksum: bool, orders: Connection) -> None:
    async def main() -> None:
        sender = await TcpSender.connect(port)
        await _serve(orders, batch_size, tcp_send(sender, batch_size, topics, checksum))
        await sender.end()

    asyncio.run(main())


def tcp_send(sender: TcpSender, batch_size: int, topics: int, checksum: bool = False) -> Send:
    """Return what numbers a batch and sends it by TCP; arguments as for `ring_send`."""
    stamp = _stamp(checksum)
    batch = make_batch(batch_size, topics, seed=0)

    async def send(first: int, meant_ns: int) -> None:
        number(batch, first, meant_ns)
        if stamp:
            stamp(batch)
        await sender.send(batch)

    return send


def _stamp(checksum: bool) -> Callable[[Batch], None] | None:
    kernels = checksums()
    return kernels.stamp if checksum and kernels else None


async def _serve(orders: Connection, batch_size: int, send: Send) -> None:
    while True:
        try:
            order: Order = orders.recv()
        except EOFError:
            return
        before = process_time()
        await fulfil(order, batch_size, send)
        orders.send(Spent(process_time() - before))


async def fulfil(order: Order, batch_size: int, send: Send) -> None:
    """Send an order's batches at the times they are meant to go."""
    start = order.start_ns or now_ns()
    for i in range(order.batches):
        meant = start + i * order.interval_ns if order.interval_ns else now_ns()
        while (left := meant - now_ns()) > 0:
            if left > _SPIN_NS:
                sleep((left - _SPIN_NS) / 1e9)
        await send(order.first + i * batch_size, meant)
