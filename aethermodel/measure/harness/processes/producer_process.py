"""Producer process: sends batches at the far end of a fabric."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import process_time
from typing import NamedTuple, Self

from aethermodel.bus.fabrics.protocol import Receiver, SenderLost
from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.fabrics import FABRICS, CrossingFabric
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import BatchForm
from aethermodel.measure.harness.connect import Address, Listening, dial, listen
from aethermodel.measure.harness.processes.child_processes import (
    end,
    hear,
    lost,
    start,
    until_hang_up,
)
from aethermodel.measure.harness.ring_size import ring_capacity
from aethermodel.measure.harness.senders import (
    Order,
    Schedule,
    Send,
    fulfil,
    keep,
    ring_send,
)
from aethermodel.measure.host.jitter import Watch, watch
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from cython_core import EVENT, RecordType, Ring, RingHandle, now_ns

# From when the producer has a schedule until it starts, so that the consumer is ready too.
_READY_NS = 2_000_000


class Watching(NamedTuple):
    """An order to turn an idle loop and look at the clock.

    Attributes
    ----------
    seconds : float
    """

    seconds: float


class Spent(NamedTuple):
    """What an order took the producer.

    Attributes
    ----------
    cpu_seconds : float
    switches : int
        Times the kernel took the core away from it.
    """

    cpu_seconds: float
    switches: int


class Crossing:
    """The consumer's hold of a producer process.

    Attributes
    ----------
    receiver : Receiver
    sent : int
        Events ordered so far: the sequence of the next one.
    record : RecordType
        What they are.
    """

    def __init__(
        self,
        receiver: Receiver,
        child: BaseProcess,
        orders: Connection,
        record: RecordType = EVENT,
    ) -> None:
        self.receiver, self.record = receiver, record
        self.sent = 0
        self._child = child
        self._orders = orders

    @classmethod
    async def open(
        cls,
        fabric: CrossingFabric,
        batch_size: int,
        topics: int,
        *,
        checksum: bool = False,
        record_bytes: int = EVENT_BYTES,
    ) -> Self:
        """Start a producer process and connect to it, on the running event loop.

        Parameters
        ----------
        fabric : {"shm", "tcp", "verbs"}
        batch_size, topics : int
            Of the batches that it sends.
        checksum : bool
            Stamp every event's checksum.
        record_bytes : int
            Of each event.
        """
        ours, theirs = Pipe()
        form = BatchForm(batch_size, topics, checksum, record_bytes)
        if FABRICS[fabric].opening == "handle":
            capacity = ring_capacity(batch_size, record_bytes)
            ring = Ring.create(capacity, role="consumer", record=form.record)
            with ring.handle() as handle, theirs:
                child = start(_serve_ring, handle, form, theirs, warm=True)
            return cls(ShmReceiver(ring, batch_size), child, ours, form.record)
        listening = await listen(fabric, form)
        try:
            with theirs:
                child = start(_serve_dialled, listening.address, theirs, warm=True)
            try:
                return cls(await _receiver_of(child, listening), child, ours, form.record)
            except BaseException:
                ours.close()
                end(child, 0)
                raise
        finally:
            listening.close()

    @property
    def pid(self) -> int:
        """Of the producer."""
        assert self._child.pid is not None
        return self._child.pid

    def order(self, batches: int, batch_size: int, interval_ns: int = 0, start_ns: int = 0) -> int:
        """Let the producer send, after what was ordered before; returns its first sequence."""
        first = self.sent
        self._order(Order(batches, first, interval_ns, start_ns))
        self.sent += batches * batch_size
        return first

    def keep(self, schedule: Schedule) -> int:
        """Let the producer keep a schedule; returns when it starts, by `cython_core.now_ns`.

        What was ordered before must be done. Batches are of as many groups as are due
        together, up to the batch size that this was opened for.
        """
        self._order(schedule)
        self.sent += len(schedule.due_ns) * schedule.group
        start = hear(self._orders, self._child)
        assert isinstance(start, int)
        return start

    def spent(self) -> Spent:
        """Wait until the oldest order is done, and return what it took the producer."""
        spent = hear(self._orders, self._child)
        assert isinstance(spent, Spent)
        return spent

    def watch(self, seconds: float, own: Callable[[], Watch]) -> list[Watch]:
        """Watch both ends at once: a core that is alone runs faster and pauses less.

        What was ordered before must be done.

        Parameters
        ----------
        seconds : float
            How long the producer's core is watched, by an idle loop.
        own : callable
            Watches the consumer's end as long.

        Returns
        -------
        list of Watch
            The consumer's and the producer's.
        """
        self._order(Watching(seconds))
        seen, theirs = own(), hear(self._orders, self._child)
        assert isinstance(theirs, Watch)
        return [seen, theirs]

    def close(self) -> None:
        """End the producer."""
        self._orders.close()  # it ends when there is nobody to order
        self.receiver.close()
        end(self._child)

    def _order(self, order: Order | Schedule | Watching) -> None:
        try:
            self._orders.send(order)
        except BrokenPipeError:
            raise lost(self._child) from None


async def _receiver_of(child: BaseProcess, listening: Listening) -> Receiver:
    accepted = asyncio.ensure_future(listening.accept())
    try:
        while not (await asyncio.wait({accepted}, timeout=0.1))[0]:
            if not child.is_alive():
                raise SenderLost("the producer's process ended before it connected")
        return await accepted
    finally:
        accepted.cancel()  # before the listener is closed, which nobody would hear


def _serve_ring(handle: RingHandle, form: BatchForm, orders: Connection) -> None:
    with until_hang_up(orders), handle.attach() as ring:
        asyncio.run(serve(orders, form.batch_size, ring_send(ring, form)))


def _serve_dialled(address: Address, orders: Connection) -> None:
    async def main() -> None:
        sender = await dial(address)
        try:
            await serve(orders, address.form.batch_size, sender.send)
        finally:
            sender.close()  # who receives has counted what was ordered

    with until_hang_up(orders):
        asyncio.run(main())


async def serve(orders: Connection, batch_size: int, send: Send) -> None:
    """Carry out a consumer's orders until it hangs up."""
    while True:
        try:
            order: Order | Schedule | Watching = orders.recv()
        except EOFError:
            return
        if isinstance(order, Watching):
            orders.send(watch(order.seconds))
            continue
        before, noise = process_time(), Reading.now()
        if isinstance(order, Schedule):
            start = now_ns() + _READY_NS
            orders.send(start)
            await keep(order, start, batch_size // order.group, send)
        else:
            await fulfil(order, batch_size, send)
        orders.send(Spent(process_time() - before, Noise.since(noise).switches))
