"""T_loop: one tick of the event loop, and the dispatch of an already routed batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter

from pydantic import Field, model_validator

from aethermodel.bus.plane import Plane
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import route


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
    """Time ticks of two tasks that take turns, as producer and consumer do in the pipeline.

    The batch is routed once, before the clock: neither kernel nor border is in the
    figure. The other task picks a batch of its pool and keeps it: no fabric either.
    """
    events = max(settings.batch_size, settings.calls) if settings.calls else 0
    batch = make_batch(events, settings.topics, seed=0)
    batch["topic"] %= max(settings.calls, 1)
    batch["topic"][: settings.calls] = range(settings.calls)  # none is missed by chance
    plane = Plane(settings.topics, len(batch))
    routed = route(batch, settings.topics)
    tally = Tally()
    for topic in range(settings.topics):
        plane.on(topic, tally.handle)
    pool = [batch] * settings.pool

    async def produce(loops: int) -> None:
        for i in range(loops):
            pool[i % len(pool)]
            await asyncio.sleep(0)

    async def consume(loops: int) -> None:
        for _ in range(loops):
            plane.dispatch(batch, routed)
            await asyncio.sleep(0)

    def timed(loops: int) -> Coroutine[None, None, float]:
        async def run() -> float:
            producer = asyncio.create_task(produce(loops))
            consumer = asyncio.create_task(consume(loops))
            start = perf_counter()
            await consumer
            elapsed = perf_counter() - start
            await producer
            return elapsed

        return run()

    return on_loop(settings.event_loop, timed)
