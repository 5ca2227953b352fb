"""T_loop once more, its caches swept: what the plane fetches again after N events went by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import cycle
from time import perf_counter

from aethermodel.bus.fabric import Batch
from aethermodel.bus.plane import Plane
from aethermodel.measure.pacing import numbered_pool
from aethermodel.measure.probes.bus_loop import ReadyBus
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.repeated import Repeated
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import first_gap, route


class Settings(BatchSettings):
    """How many events go by between two ticks, and whose ticks.

    Attributes
    ----------
    batch_size : int
        Events of which one word each is read before a tick, outside the clock.
    bus : bool
        Ticks of a bus by itself, as across processes; else of a plane whose producer is a task
        of the same loop.
    """

    event_loop: EventLoop = "asyncio"
    bus: bool = False


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks that call every handler, each after a sweep through the caches."""
    topics = settings.topics
    batch = make_batch(topics, topics, seed=0)
    batch["topic"] = range(topics)
    routed = route(batch, topics)
    swept = _Swept(numbered_pool(settings.batch_size, topics))
    tally = Tally()

    async def bus(loops: int) -> float:
        ready = ReadyBus(routed, topics)
        ready.on("topic.*")(tally.handle)
        source = Repeated(batch, loops, before=swept)
        ready.attach(source)
        await ready.run()
        return source.seconds

    plane = Plane(topics, topics)
    for topic in range(topics):
        plane.on(topic, tally.handle)

    async def produce(loops: int) -> None:
        for _ in range(loops):
            await asyncio.sleep(0)

    async def consume(loops: int) -> float:
        start = perf_counter()
        for _ in range(loops):
            swept()
            plane.dispatch(batch, routed)
            await asyncio.sleep(0)
        return perf_counter() - start

    async def tasks(loops: int) -> float:
        producer = asyncio.create_task(produce(loops))
        seconds = await asyncio.create_task(consume(loops))
        await producer
        return seconds

    ticks: Callable[[int], Coroutine[None, None, float]] = bus if settings.bus else tasks

    async def timed(loops: int) -> float:
        swept.seconds = 0.0
        return await ticks(loops) - swept.seconds

    return on_loop(settings.event_loop, timed)


class _Swept:
    """Reads a word of every event of the next batch, and adds up how long that took."""

    def __init__(self, pool: list[Batch]) -> None:
        self.seconds = 0.0
        self._pool: Iterator[tuple[Batch, int]] = cycle(
            (batch, int(batch["sequence"][0])) for batch in pool
        )

    def __call__(self) -> None:
        start = perf_counter()
        first_gap(*next(self._pool))
        self.seconds += perf_counter() - start
