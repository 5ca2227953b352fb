"""T_loop: one tick of the event loop and the calls of its handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import repeat
from time import perf_counter

from pydantic import Field, model_validator

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Plane
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import Routed, route

#: A tick cannot take less.
LEAST_TICK_SECONDS = 1e-8


class Settings(BatchSettings):
    """Which loop, and how many of the handlers each tick calls.

    Attributes
    ----------
    calls : int
        Topics that have events, so that their handlers are called; each of the
        other topics has a handler too, which a tick only passes by.
    """

    event_loop: EventLoop = "asyncio"
    calls: int = Field(16, ge=0, le=65_536)

    @model_validator(mode="after")
    def _called_topics_exist(self) -> Settings:
        if self.calls > self.topics:
            raise ValueError(f"{self.calls} topics with events, but only {self.topics} topics")
        return self


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks of the pipeline over a small batch; what others measure of it is taken off.

    The same batch sent and received in one task, and routed by itself: that is in the terms of
    the fabric, the border and the kernel. What is left is the loop's, with what each of them makes
    dearer for running in turn with it.
    """
    topics = settings.topics
    batch = make_batch(max(1, settings.calls), topics, seed=0)
    batch["topic"] = range(len(batch))
    plane = Plane(topics, len(batch))
    routed = Routed(len(batch), topics)
    tally = Tally()
    # Without a call the one topic that has events is the one without a handler.
    for topic in range(0 if settings.calls else 1, topics):
        plane.on(topic, tally.handle)

    async def produce(fabric: Loopback, loops: int) -> None:
        for _ in range(loops):
            await fabric.send(batch)
            await asyncio.sleep(0)

    async def consume(fabric: Loopback, loops: int) -> None:
        for _ in range(loops):
            plane.tick(await fabric.receive())
            await asyncio.sleep(0)

    async def ticks(loops: int) -> float:
        fabric = Loopback(depth=2)
        producer = asyncio.create_task(produce(fabric, loops))
        consumer = asyncio.create_task(consume(fabric, loops))
        start = perf_counter()
        await consumer
        elapsed = perf_counter() - start
        await producer
        return elapsed

    async def apart(loops: int) -> float:
        fabric = Loopback(depth=2)
        start = perf_counter()
        for _ in range(loops):
            await fabric.send(batch)
            await fabric.receive()
        for _ in repeat(None, loops):
            route(batch, topics, out=routed)
        return perf_counter() - start

    async def timed(loops: int) -> float:
        # Where somebody else had the core during those alone, a tick would cost less than nothing.
        return max(await ticks(loops) - await apart(loops), loops * LEAST_TICK_SECONDS)

    return on_loop(settings.event_loop, timed)
