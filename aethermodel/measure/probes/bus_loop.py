"""T_loop of a bus: one tick and the calls of its handlers; or a tick of the loop alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import repeat
from time import perf_counter

from pydantic import Field, model_validator

from aethermodel.bus.bus import Bus
from aethermodel.measure.probes.loop import LEAST_TICK_SECONDS
from aethermodel.measure.probes.own_ring import OwnRing
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.repeated import Repeated
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.stream import drain, tallied
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import Routed, route

Timed = Callable[[int], Coroutine[None, None, float]]


class Settings(BatchSettings):
    """Which loop, and how many handlers are called.

    Attributes
    ----------
    producer : bool
        Whether a producer task takes turns with the consumer, as over loopback; else batches come
        from a ring.
    calls : int
        Topics that have events. Each of the other topics has a handler too, which the bus
        passes by; 0: a tick of the loop, without a bus.
    """

    event_loop: EventLoop = "asyncio"
    producer: bool = True
    calls: int = Field(16, ge=0, le=65_536)

    @model_validator(mode="after")
    def _called_topics_exist(self) -> Settings:
        if self.calls > self.topics:
            raise ValueError(f"{self.calls} topics with events, but only {self.topics} topics")
        return self


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks, each over a batch that is there."""
    if not settings.calls:
        ticks = _beside_producer(_ticks) if settings.producer else _ticks
    elif settings.producer:
        ticks = _beside_producer(_of_routed(settings))
    else:
        ticks = _from_ring(settings)
    return on_loop(settings.event_loop, ticks)


def _of_routed(settings: Settings) -> Timed:
    """Hand a bus a batch that is routed already."""
    calls, topics = settings.calls, settings.topics
    batch = make_batch(max(calls, 16), topics, seed=0)
    batch["topic"] %= calls
    batch["topic"][:calls] = range(calls)  # none is missed by chance
    routed = route(batch, topics)
    tally = Tally()

    async def timed(loops: int) -> float:
        ready = _ReadyBus(routed, topics)
        ready.on("topic.*")(tally.handle)
        source = Repeated(batch, loops)
        ready.attach(source)
        await ready.run()
        return source.seconds

    return timed


def _from_ring(settings: Settings) -> Timed:
    """Let a bus take small batches from a ring; what others measure of it is taken off.

    The same batches taken without a bus, and routed by themselves: that is in the terms of the
    fabric, the border and the kernel. What is left is the loop's, with what each of them makes
    dearer for running in turn with it.
    """
    calls, topics = settings.calls, settings.topics
    batch = make_batch(calls, topics, seed=0)
    batch["topic"] = range(calls)
    ring, routed = OwnRing(batch), Routed(calls, topics)

    async def timed(loops: int) -> float:
        ticks = await ring.seconds(loops, partial(drain, tallied(Tally(), calls, topics)))
        taken = await ring.seconds(loops, lambda checked: checked.take(loops + 1))
        start = perf_counter()
        for _ in repeat(None, loops):
            route(batch, topics, out=routed)
        apart = taken + perf_counter() - start
        # Where somebody else had the core during those alone, a tick would cost less than nothing.
        return max(ticks - apart, loops * LEAST_TICK_SECONDS)

    return timed


def _beside_producer(ticks: Timed) -> Timed:
    async def timed(loops: int) -> float:
        turns = asyncio.create_task(_take_turns())
        seconds = await ticks(loops)
        turns.cancel()
        return seconds

    return timed


async def _ticks(loops: int) -> float:
    start = perf_counter()
    for _ in range(loops):
        await asyncio.sleep(0)
    return perf_counter() - start


async def _take_turns() -> None:
    while True:
        await asyncio.sleep(0)


class _ReadyBus(Bus):
    """A bus whose batch is routed already: kernel and border are not in the figure."""

    def __init__(self, routed: Routed, topics: int) -> None:
        super().__init__(f"topic.{i}" for i in range(topics))
        self.route = lambda *_: routed
