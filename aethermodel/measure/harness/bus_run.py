"""Run of batches through a bus with counting handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import process_time
from typing import NamedTuple

from aethermodel.bus.bus import Bus
from aethermodel.bus.fabrics.protocol import Receiver
from aethermodel.bus.failures import HandlerFailed
from aethermodel.measure.harness.handlers import LostEventsError, Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from cython_core import EVENT, Histogram, RecordType


class Moved(NamedTuple):
    """One run of a row.

    Attributes
    ----------
    messages : int
        All of them routed, seen by a handler and checked.
    seconds : float
        From the first send to the last message handled.
    cpu_seconds : float
        Of producer and consumer together.
    producer_seconds : float
        CPU time of the producer alone, where it is a process of its own; else nan.
    latency_ns, tick_ns : Histogram
        From the time a batch was meant to go to the return of its last handler; and of
        the tick alone. For the naive row a batch is a message and has no tick.
    """

    messages: int
    seconds: float
    cpu_seconds: float
    producer_seconds: float
    latency_ns: Histogram
    tick_ns: Histogram


#: Moves a number of batches, at an interval in nanoseconds or (0) as fast as possible.
Move = Callable[[int, int], Awaitable[Moved]]


def across(
    crossing: Crossing,
    batch_size: int,
    topics: int,
    released: Callable[[int], None] | None = None,
    *,
    fused: bool = False,
    watched: Callable[[Bus, Checked], Receiver] = lambda _, checked: checked,
) -> Move:
    """Move batches of another process through a bus; every event is checked.

    Apart, as the model's terms have it, or (`fused`) in the router's own pass. `released` is as in
    `Checked`; `watched` may put a receiver of its own before the bus.
    """

    async def move(batches: int, interval_ns: int) -> Moved:
        tally = Tally()
        record = crossing.record
        bus = tallied(tally, batch_size, topics, numbered=fused, record=record)
        first = crossing.order(batches, batch_size, interval_ns)
        checked = Checked(
            crossing.receiver, batches, first, released=released, every=not fused, record=record
        )
        before = process_time()
        await drain(bus, watched(bus, checked))
        consumer, producer = process_time() - before, crossing.spent().cpu_seconds
        messages = batches * batch_size
        return moved(messages, checked, bus, tally, consumer + producer, producer)

    return move


def tallied(
    tally: Tally,
    capacity: int,
    topics: int,
    *,
    numbered: bool = False,
    record: RecordType = EVENT,
) -> Bus:
    """Return a bus with the same handler on every topic."""
    names = (f"topic.{i}" for i in range(topics))
    bus = Bus(names, capacity=capacity, numbered=numbered, record=record)
    bus.on("topic.*")(tally.handle)
    return bus


async def drain(bus: Bus, receiver: Receiver) -> None:
    """Run the bus until the receiver ends; what went wrong in it is raised."""
    bus.attach(receiver)
    await bus.run()
    if bus.lost:
        raise bus.lost[0][1]
    if bus.failures:
        raise HandlerFailed(str(bus.failures[0]))
    if bus.instruments.gaps:
        raise OutOfSequenceError(f"{bus.instruments.gaps} batches had an event out of sequence")


def moved(
    messages: int,
    checked: Checked,
    bus: Bus,
    tally: Tally,
    cpu_seconds: float,
    producer_seconds: float,
) -> Moved:
    """Return what a drained bus did.

    Raises
    ------
    LostEventsError
        If its handlers did not see every message.
    """
    if tally.events != messages:
        raise LostEventsError(f"handlers saw {tally.events} of {messages} events")
    seconds = (checked.ended_ns - checked.began_ns) / 1e9
    return Moved(
        messages,
        seconds,
        cpu_seconds,
        producer_seconds,
        checked.latency_ns,
        bus.instruments.tick_ns,
    )
