"""T_fabric probe: the consumer's cost of one batch, without waiting for the producer.

Over the ring also together with T_kernel, where one pass over the events does both.
"""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter, thread_time
from typing import Self, TypeVar

from pydantic import model_validator

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.fabrics import CrossingFabric, Fabric, crosses
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import make_batch, numbered_record
from aethermodel.measure.harness.connect import run_up
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.producer_task import POOL, numbered_pool
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from aethermodel.measure.harness.ring_size import ring_capacity
from aethermodel.measure.host.slices import Slice, Slices, Stream
from aethermodel.measure.probes.settings import PlacedSettings, RecordSettings, setting
from cython_core import Routed, route

_T = TypeVar("_T")
#: Takes so many batches, and returns the seconds that are the fabric's.
Take = Callable[[Checked, int], Coroutine[None, None, float]]
Timed = Callable[[int], Coroutine[None, None, float]]
# From here on it shows in what fetching costs how long a batch is held: more than an L1 cache
# holds. Of a record no more than one line of so many bytes is read.
_HELD_BYTES, _LINE_BYTES = 65_536, 64


class Settings(PlacedSettings, RecordSettings):
    """The batch that moves, the loop it moves on, and the fabric it moves through.

    Attributes
    ----------
    fabric : {"loopback", "shm", "tcp", "verbs"}
        ``loopback``: a handle sent and received in one task. The others: received from
        another process, with every event read once and checked, since it is the first
        touch that fetches it from where the producer or the device left it.
    checked : bool
        Read and check every event over loopback too.
    routed : bool
        Over ``shm``: check the events as they are routed. The first touch is then the
        router's, and the figure is fabric, kernel and its call in one.

    Raises
    ------
    ValueError
        If batches are to be routed over another fabric.
    """

    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")
    checked: bool = setting(False, "read and check every event over loopback too")
    fabric: Fabric = setting(
        "loopback", "how batches come: within the process, or from another one"
    )
    routed: bool = setting(False, "over shm: check the events as they are routed")

    @model_validator(mode="after")
    def _routed_over_shm(self) -> Self:
        if self.routed and self.fabric != "shm":
            raise ValueError(f"batches are routed over shm here, not over {self.fabric}")
        if self.routed and self.record_bytes != EVENT_BYTES:
            raise ValueError("only events of 64 bytes are checked as they are routed")
        return self


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time the fabric alone: no handler is called, and nothing routed unless asked for."""
    settings.take_cores()
    if settings.fabric == "shm":
        backlog = ring_capacity(settings.batch_size, settings.record_bytes) // 2
        from_backlog = partial(_from_backlog, take=_taking(settings), most=backlog)
        return Stream(on_loop(settings.event_loop, _crossing(settings, "shm", from_backlog)))
    if crosses(settings.fabric):
        by_cpu_time = partial(_by_cpu_time, topics=settings.topics)
        stream = _crossing(settings, settings.fabric, by_cpu_time)
        return Stream(on_loop(settings.event_loop, stream))
    timed = _checked_loopback(settings) if settings.checked else _loopback(settings)
    return on_loop(settings.event_loop, timed)


def _loopback(settings: Settings) -> Timed:
    """Send and receive in one task: no tick of the loop is in the figure."""
    batch = make_batch(settings.batch_size, settings.topics, 0, settings.record_bytes)

    async def timed(loops: int) -> float:
        fabric = Loopback(depth=2)
        start = perf_counter()
        for _ in range(loops):
            await fabric.send(batch)
            await fabric.receive()
        return perf_counter() - start

    return timed


def _checked_loopback(settings: Settings) -> Timed:
    pool = numbered_pool(settings.batch_size, settings.topics, settings.record_bytes)
    record, lap = numbered_record(settings.record_bytes), POOL * settings.batch_size

    async def timed(loops: int) -> float:
        fabric = Loopback(depth=2)
        receiver = Checked(fabric, loops, lap=lap, record=record)
        start = perf_counter()
        for i in range(loops):
            await fabric.send(pool[i % POOL])
            await receiver.take(1)
        return perf_counter() - start

    return timed


def _taking(settings: Settings) -> Take:
    if settings.routed:
        return _routing(settings)
    read = settings.batch_size * min(settings.record_bytes, _LINE_BYTES)
    return _in_a_row if read < _HELD_BYTES else _held(settings)


async def _in_a_row(receiver: Checked, batches: int) -> float:
    start = perf_counter()
    await receiver.take(batches)
    return perf_counter() - start


def _held(settings: Settings) -> Take:
    """Hold each batch for as long as a tick does, by routing it outside the clock.

    The producer has no room for the next one meanwhile, and what it writes later is further away.
    """
    topics, routed = settings.topics, Routed(settings.batch_size, settings.topics)

    async def take(receiver: Checked, batches: int) -> float:
        seconds = 0.0
        for _ in range(batches):
            start = perf_counter()
            batch = await receiver.receive()
            _ = receiver.waiting
            seconds += perf_counter() - start
            route(batch, topics, out=routed)
            start = perf_counter()
            receiver.release()
            seconds += perf_counter() - start
        return seconds

    return take


def _routing(settings: Settings) -> Take:
    """Take batches, each checked in the router's own pass, as a bus does that is numbered."""
    topics, routed = settings.topics, Routed(settings.batch_size, settings.topics)

    async def take(receiver: Checked, batches: int) -> float:
        start = perf_counter()
        for _ in range(batches):
            first = receiver.next
            batch = await receiver.receive()
            _ = receiver.waiting
            if route(batch, topics, out=routed, sequence=first).gap >= 0:
                raise OutOfSequenceError(f"event {first + routed.gap} did not come")
            receiver.release()
        return perf_counter() - start

    return take


def _crossing(
    settings: Settings,
    fabric: CrossingFabric,
    receive: Callable[[Checked, int, int], Coroutine[None, None, _T]],
) -> Callable[[int], Coroutine[None, None, _T]]:
    held: list[Crossing] = []

    async def timed(loops: int) -> _T:
        if not held:
            n, topics, size = settings.batch_size, settings.topics, settings.record_bytes
            held.append(await Crossing.open(fabric, n, topics, record_bytes=size))
            atexit.register(held[0].close)
            if fabric == "tcp":
                await taken(held[0], run_up(n, size))
        return await taken(held[0], loops)

    async def taken(crossing: Crossing, loops: int) -> _T:
        first = crossing.order(loops, settings.batch_size)
        every, record = not settings.routed, crossing.record
        receiver = Checked(crossing.receiver, loops, first, every=every, record=record)
        seconds = await receive(receiver, loops, settings.batch_size)
        crossing.spent()
        return seconds

    return timed


async def _from_backlog(
    receiver: Checked, loops: int, batch_size: int, *, take: Take, most: int
) -> list[Slice]:
    """Let half a ring of batches gather outside the clock, then take them."""
    done, slices = 0, Slices()
    backlog = most // batch_size
    while done < loops:
        turn = min(backlog, loops - done)
        while receiver.waiting < turn * batch_size:
            await asyncio.sleep(0)
        slices.add(turn, await take(receiver, turn))
        done += turn
    return slices.end()


async def _by_cpu_time(
    receiver: Checked, loops: int, batch_size: int, *, topics: int
) -> list[Slice]:
    """Count this thread's own time: the loop reads from the kernel, and sleeps in between.

    Each batch is held for as long as a tick does, by routing it outside the clock. What gathers in
    the kernel meanwhile is read in fewer pieces: a receiver that is always there takes every packet
    by itself, each with a turn of the loop. In slices of one stream: each start anew would find the
    connection empty.
    """
    routed, slices = Routed(batch_size, topics), Slices()
    for _ in range(loops):
        start = thread_time()
        batch = await receiver.receive()
        held = thread_time()
        route(batch, topics, out=routed)
        start += thread_time() - held
        receiver.release()
        slices.add(1, thread_time() - start)
    return slices.end()
