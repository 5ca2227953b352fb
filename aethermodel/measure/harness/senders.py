"""Senders of numbered batches, one for each fabric."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.fabrics.tcp import TcpSender
from aethermodel.measure.harness.batch_pool import BatchForm
from aethermodel.measure.harness.ring_size import ring_capacity
from cython_core import Ring, now_ns

if TYPE_CHECKING:
    from aethermodel.bus.fabrics.verbs.fabric import VerbsSender

# Nearer to the due time than this the producer spins: a sleep may take as much longer.
_SPIN_NS = 200_000


class Send(Protocol):
    """What makes a batch and sends it."""

    async def __call__(self, first: int, meant_ns: int, events: int | None = None) -> None:
        """Send one batch.

        Parameters
        ----------
        first : int
            Sequence of its first event.
        meant_ns : int
            When it is meant to go.
        events : int, optional
            How many; as many as it was made for, unless given, and never more.
        """


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


class Schedule(NamedTuple):
    """When groups of events are due: what is due is sent at once, however late.

    Attributes
    ----------
    due_ns : ndarray of int64, shape (groups,)
        After the start, ascending.
    first : int
        Sequence of the first event.
    group : int
        Events that are due together.
    """

    due_ns: npt.NDArray[np.int64]
    first: int
    group: int


async def keep(schedule: Schedule, start_ns: int, largest: int, send: Send) -> None:
    """Send what is due, as a batch, and look again: it never sleeps, nor hurries.

    Parameters
    ----------
    schedule : Schedule
    start_ns : int
        By `now_ns`.
    largest : int
        Most groups a batch.
    send : callable
    """
    due, group = schedule.due_ns.tolist(), schedule.group
    sent = 0
    while sent < len(due):
        now = now_ns()
        last = bisect_right(due, now - start_ns, sent, min(sent + largest, len(due)))
        if last > sent:
            await send(schedule.first + sent * group, now, (last - sent) * group)
            sent = last


async def fulfil(order: Order, batch_size: int, send: Send) -> None:
    """Send an order's batches at the times they are meant to go."""
    if not (order.interval_ns or order.start_ns):
        for first in range(order.first, order.first + order.batches * batch_size, batch_size):
            await send(first, now_ns())
        return
    start = order.start_ns or now_ns()
    for i in range(order.batches):
        meant = start + i * order.interval_ns if order.interval_ns else now_ns()
        while (left := meant - now_ns()) > 0:
            if left > _SPIN_NS:
                sleep((left - _SPIN_NS) / 1e9)
        await send(order.first + i * batch_size, meant)


def ring_send(ring: Ring, form: BatchForm) -> Send:
    """Return what makes a batch in the ring itself.

    Parameters
    ----------
    ring : cython_core.Ring
        A producer's end, of `ring_capacity`.
    form : BatchForm
    """
    fill, batch_size = _fill(form), form.batch_size

    async def send(first: int, meant_ns: int, events: int | None = None) -> None:
        fill(ring.reserve(events or batch_size), first, meant_ns)
        ring.commit()

    return send


def verbs_send(sender: VerbsSender, form: BatchForm) -> Send:
    """Return what makes a batch where the device reads it; arguments as for `ring_send`."""
    fill, batch_size = _fill(form), form.batch_size

    async def send(first: int, meant_ns: int, events: int | None = None) -> None:
        fill(await sender.reserve(events or batch_size), first, meant_ns)
        sender.commit()

    return send


def tcp_send(sender: TcpSender, form: BatchForm) -> Send:
    """Return what numbers a batch and sends it by TCP; arguments as for `ring_send`."""
    made, numbered = form.make(), form.numbering()

    async def send(first: int, meant_ns: int, events: int | None = None) -> None:
        batch = made[:events]
        numbered(batch, first, meant_ns)
        await sender.send(batch)

    return send


def _fill(form: BatchForm) -> Callable[[Batch, int, int], None]:
    """Return what makes a batch in a ring's room: after the first lap only numbers change.

    What else is in a record stays where it was written: it is never read on the way.
    """
    capacity = ring_capacity(form.batch_size, form.record_bytes)
    events, numbered = form.make(capacity), form.numbering()

    def fill(room: Batch, first: int, meant_ns: int) -> None:
        if first < capacity:  # the first lap: topics and values
            start = min(first, capacity - len(room))
            room.view("u1")[:] = events[start : start + len(room)].view("u1")
        numbered(room, first, meant_ns)

    return fill
