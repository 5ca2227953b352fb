"""T_loop of a bus: one tick and the calls of its handlers; or a tick of the loop alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter

from pydantic import Field, model_validator

from aethermodel.bus.bus import Bus
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.repeated import Repeated
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import Routed, route


class Settings(BatchSettings):
    """Which loop, and how many handlers are called.

    Attributes
    ----------
    producer : bool
        Whether a producer task takes turns with the consumer, as over loopback.
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
    """Time ticks over a batch that is there and routed already."""
    calls, topics = settings.calls, settings.topics
    batch = make_batch(max(calls, 16), topics, seed=0)
    batch["topic"] %= max(calls, 1)
    batch["topic"][:calls] = range(calls)  # none is missed by chance
    routed = route(batch, topics)
    tally = Tally()

    async def bus(loops: int) -> float:
        ready = ReadyBus(routed, topics)
        ready.on("topic.*")(tally.handle)
        source = Repeated(batch, loops)
        ready.attach(source)
        await ready.run()
        return source.seconds

    consume = bus if calls else _ticks

    def timed(loops: int) -> Coroutine[None, None, float]:
        async def run() -> float:
            turns = asyncio.create_task(_take_turns()) if settings.producer else None
            seconds = await consume(loops)
            if turns:
                turns.cancel()
            return seconds

        return run()

    return on_loop(settings.event_loop, timed)


async def _ticks(loops: int) -> float:
    start = perf_counter()
    for _ in range(loops):
        await asyncio.sleep(0)
    return perf_counter() - start


async def _take_turns() -> None:
    while True:
        await asyncio.sleep(0)


class ReadyBus(Bus):
    """A bus whose batch is routed already: kernel and border are not in the figure."""

    def __init__(self, routed: Routed, topics: int) -> None:
        super().__init__(f"topic.{i}" for i in range(topics))
        self.route = lambda *_: routed
