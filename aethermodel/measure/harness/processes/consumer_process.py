"""Consumer process: takes batches at the far end of a fabric and checks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

from aethermodel.bus.fabrics.protocol import EndOfStream, Receiver
from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.fabrics import FABRICS, CrossingFabric
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import BatchForm
from aethermodel.measure.harness.connect import Address, dial, listen
from aethermodel.measure.harness.event_loops import EventLoop, new_loop
from aethermodel.measure.harness.processes.child_processes import end, hear, start, until_hang_up
from aethermodel.measure.harness.receivers import Checked
from aethermodel.measure.harness.ring_size import ring_capacity
from aethermodel.measure.harness.senders import Order, Send, fulfil, ring_send
from cython_core import Ring, RingHandle, Routed, route


class Drained:
    """The producer's hold of a consumer process; the other way is
    `aethermodel.measure.harness.processes.producer_process`.

    Attributes
    ----------
    backlog : int
        Batches that the fabric surely takes while nobody receives.
    """

    def __init__(
        self,
        send: Send,
        batch_size: int,
        backlog: int,
        child: BaseProcess,
        orders: Connection,
        close: Callable[[], None],
    ) -> None:
        self.backlog = backlog
        self._close = close
        self._send = send
        self._batch_size = batch_size
        self._sent = 0
        self._child = child
        self._orders = orders

    @classmethod
    async def open(
        cls,
        fabric: CrossingFabric,
        batch_size: int,
        topics: int,
        event_loop: EventLoop = "asyncio",
        record_bytes: int = EVENT_BYTES,
    ) -> Self:
        """Start a consumer process and connect to it, on the running event loop.

        Parameters
        ----------
        fabric : {"shm", "tcp", "verbs"}
        batch_size, topics : int
            Of the batches that are sent.
        event_loop : {"asyncio", "uvloop"}
            That the consumer reads a connection on; a ring is read without one.
        record_bytes : int
            Of each event.
        """
        ours, theirs = Pipe()
        form = BatchForm(batch_size, topics, record_bytes=record_bytes)
        if FABRICS[fabric].opening == "handle":
            capacity = ring_capacity(batch_size, record_bytes)
            ring = Ring.create(capacity, role="producer", record=form.record)
            with ring.handle() as handle, theirs:
                child = start(_drain_ring, handle, form, theirs, warm=True, part="consumer")
            backlog = capacity // 2 // batch_size
            return cls(ring_send(ring, form), batch_size, backlog, child, ours, ring.close)
        with theirs:
            what = fabric, form, event_loop, theirs
            child = start(_drain_dialled, *what, warm=True, part="consumer")
        try:
            address: Address = hear(ours, child)
            sender = await dial(address)
        except BaseException:
            ours.close()
            end(child, 0)
            raise
        return cls(sender.send, batch_size, 0, child, ours, sender.close)

    async def send(self, batches: int) -> None:
        """Send as fast as it goes, by the code of a `Crossing`'s producer."""
        await fulfil(Order(batches, self._sent), self._batch_size, self._send)
        self._sent += batches * self._batch_size

    def take(self, batches: int) -> None:
        """Let the consumer receive and check so many batches."""
        self._orders.send(batches)

    def wait(self) -> None:
        """Wait until it has.

        Raises
        ------
        ChildError
            If the consumer died, as on an event that was not the next.
        """
        hear(self._orders, self._child)

    def close(self) -> None:
        """End the consumer."""
        self._orders.close()  # it ends when there is nobody to order
        self._close()
        end(self._child)


def _drain_ring(handle: RingHandle, form: BatchForm, orders: Connection) -> None:
    async def order() -> int:
        batches: int = orders.recv()  # nothing else runs on this loop
        return batches

    with until_hang_up(orders), handle.attach() as ring:
        asyncio.run(_drain(ShmReceiver(ring, form.batch_size), form, order, orders))


def _drain_dialled(
    fabric: CrossingFabric, form: BatchForm, event_loop: EventLoop, orders: Connection
) -> None:
    def order() -> Coroutine[None, None, int]:
        # In a thread, so that the loop goes on giving back what was released.
        return asyncio.to_thread(orders.recv)

    async def main() -> None:
        listening = await listen(fabric, form)
        orders.send(listening.address)
        receiver = await listening.accept()
        listening.close()
        try:
            # Over verbs a consumer that holds batches would set the device's pace.
            await _drain(receiver, form, order, orders, hold=fabric == "tcp")
        finally:
            receiver.close()

    with (
        until_hang_up(orders),
        asyncio.Runner(loop_factory=partial(new_loop, event_loop)) as runner,
    ):
        runner.run(main())


@contextmanager
def _awake() -> Iterator[None]:
    """Keep the loop from sleeping meanwhile: whoever sends to a sleeper pays for waking it."""

    async def turn() -> None:
        while True:
            await asyncio.sleep(0)

    turning = asyncio.ensure_future(turn())
    try:
        yield
    finally:
        turning.cancel()


async def _drain(
    receiver: Receiver,
    form: BatchForm,
    order: Callable[[], Coroutine[None, None, int]],
    orders: Connection,
    *,
    hold: bool = False,
) -> None:
    """Serve orders; `hold` each batch for as long as a tick does, by routing it, and stay awake."""
    first, routed = 0, Routed(form.batch_size, form.topics)
    while True:
        try:
            batches = await order()
        except EOFError:
            return
        checked = Checked(receiver, batches, first, record=form.record)
        try:
            with _awake() if hold else nullcontext():
                while True:
                    batch = await checked.receive()
                    if hold:
                        route(batch, form.topics, out=routed)
                    checked.release()
        except EndOfStream:
            first = checked.next
            orders.send(batches)
