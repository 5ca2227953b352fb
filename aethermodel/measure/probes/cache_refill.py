"""Cache-refill probe: how much slower a tick is after N events evicted its working set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from itertools import cycle
from time import perf_counter

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.plane import Plane
from aethermodel.measure.harness.batch_pool import make_batch, numbered_record
from aethermodel.measure.harness.bus_run import drain, tallied
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.local_loopback import OwnLoopback
from aethermodel.measure.harness.local_ring import OwnRing
from aethermodel.measure.harness.producer_task import numbered_pool
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core import Routed, as_bytes, first_gap, route
from cython_core.events.checksum import checksum_variants, crc32c, stamp, verify
from cython_core.ticks.operation import turn

# Never by 512 bits, which make what follows slower on some processors: the sweep is to displace.
_NARROW = "instruction" if "instruction" in checksum_variants() else "table"


class Settings(RecordSettings):
    """How many events go by between two ticks, and whose ticks.

    Attributes
    ----------
    batch_size : int
        Events that are read before a tick, outside the clock.
    bus : bool
        Ticks of a bus; else of a plane whose producer is a task of the same loop.
    producer : bool
        Whether a bus has such a producer too; else batches come from a ring, as across processes.
    """

    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")
    bus: bool = setting(False, "ticks of a bus, else of the plane")
    producer: bool = setting(False, "a producer task beside the bus, else a ring feeds it")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks over a small batch, each after a large one went through the caches.

    Whatever a tick does runs here once, since all of it goes cold: what plane or bus and the
    fabric's end do, the calls over the border, and every handler. Last the large batch is read
    by what no tick calls: or the call that has just routed it would still be warm for the next.
    """
    batch = make_batch(settings.topics, settings.topics, 0, numbered_record(settings.record_bytes))
    batch["topic"] = range(settings.topics)
    ticks = _of_a_bus(settings, batch) if settings.bus else _of_a_plane(settings, batch)
    return on_loop(settings.event_loop, ticks)


def _of_a_plane(settings: Settings, batch: Batch) -> Callable[[int], Coroutine[None, None, float]]:
    """Send, receive, route and handle a small batch, by tasks that take turns."""
    topics = settings.topics
    pool = _numbered(settings)
    routed = Routed(settings.batch_size, topics)
    plane = Plane(topics, topics)
    tally = Tally()
    for topic in range(topics):
        plane.on(topic, tally.handle)

    async def produce(fabric: Loopback, loops: int) -> None:
        for _ in range(loops):
            await fabric.send(batch)
            await turn()

    async def consume(fabric: Loopback, loops: int) -> float:
        swept = 0.0
        start = perf_counter()
        for _ in range(loops):
            before = perf_counter()
            events, _ = next(pool)
            route(events, topics, out=routed)
            _read_through(events)
            swept += perf_counter() - before
            plane.tick(await fabric.receive())
            await turn()
        return perf_counter() - start - swept

    async def timed(loops: int) -> float:
        fabric = Loopback(depth=2)
        producer = asyncio.create_task(produce(fabric, loops))
        seconds = await asyncio.create_task(consume(fabric, loops))
        await producer
        return seconds

    return timed


def _of_a_bus(settings: Settings, batch: Batch) -> Callable[[int], Coroutine[None, None, float]]:
    """Take a small batch from a ring, or from a task that sends it, check, route and handle it.

    What goes by in between is read twice, as in the whole: to be checked, and to be routed.
    """
    topics = settings.topics
    pool = _numbered(settings)
    source = OwnLoopback(batch) if settings.producer else OwnRing(batch)
    routed = Routed(settings.batch_size, topics)

    record = numbered_record(settings.record_bytes)
    numbering = None if record.event else record

    def sweep() -> None:
        events, first = next(pool)
        first_gap(events, first, numbering)
        route(events, topics, out=routed)
        _read_through(events)

    async def timed(loops: int) -> float:
        bus = tallied(Tally(), topics, topics, record=record)
        return await source.seconds(loops, partial(drain, bus), sweep)

    return timed


def _numbered(settings: Settings) -> Iterator[tuple[Batch, int]]:
    pool = numbered_pool(settings.batch_size, settings.topics, settings.record_bytes)
    for events in pool:
        if "checksum" in (events.dtype.names or ()):
            stamp(events)
    return cycle((events, i * settings.batch_size) for i, events in enumerate(pool))


def _read_through(events: Batch) -> None:
    """Read a batch by what no tick calls."""
    if "checksum" in (events.dtype.names or ()):
        verify(events, variant=_NARROW)
    else:
        crc32c(as_bytes(events), variant=_NARROW)
