"""The whole: batches from a producer task, over the loopback fabric, routed and handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter

from pydantic import Field, model_validator

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Plane
from aethermodel.measure.probes.settings import BatchSettings, EventLoop
from aethermodel.measure.runner import on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_pool

NAME = "pipeline"


class Settings(BatchSettings):
    """Batch size, topics, pool, loop, and how many topics have a handler."""

    event_loop: EventLoop = "asyncio"
    calls: int = Field(16, ge=0, le=65_536)

    @model_validator(mode="after")
    def _handlers_have_topics(self) -> Settings:
        if self.calls > self.topics:
            raise ValueError(f"{self.calls} handlers need as many topics, there are {self.topics}")
        return self


class LostEventsError(RuntimeError):
    """The handlers were shown another number of events than the producer sent."""


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time from the first send until the last batch was seen by its handlers.

    One tick drains one batch: the producer sends one and gives its turn to the
    consumer, which receives, routes in one call, dispatches and gives it back.
    Every event is touched by the kernel, counted by a handler, and the count is
    checked after the clock stopped.
    """
    pool = make_pool(settings.batch_size, settings.topics, settings.pool)
    plane = Plane(settings.topics, settings.batch_size)
    tally = Tally()
    for topic in range(settings.calls):
        plane.on(topic, tally.handle)
    handled = [int((batch["topic"] < settings.calls).sum()) for batch in pool]

    async def produce(fabric: Loopback, loops: int) -> None:
        for i in range(loops):
            await fabric.send(pool[i % len(pool)])
            await asyncio.sleep(0)

    async def consume(fabric: Loopback, loops: int) -> None:
        for _ in range(loops):
            plane.tick(await fabric.receive())
            await asyncio.sleep(0)

    def timed(loops: int) -> Coroutine[None, None, float]:
        async def run() -> float:
            fabric = Loopback(depth=2)
            tally.events = 0
            producer = asyncio.create_task(produce(fabric, loops))
            consumer = asyncio.create_task(consume(fabric, loops))
            start = perf_counter()
            await consumer
            elapsed = perf_counter() - start
            await producer
            sent = sum(handled[i % len(pool)] for i in range(loops))
            if tally.events != sent:
                raise LostEventsError(f"handlers saw {tally.events} of {sent} events")
            return elapsed

        return run()

    return on_loop(settings.event_loop, timed)
