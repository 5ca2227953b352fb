"""T_loop of a bus: one tick and the calls of its handlers; and of the barest loop beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Literal

from pydantic import Field, model_validator

from aethermodel.bus.bus import Bus
from aethermodel.bus.fabric import Batch, EndOfStream
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_batch
from cython_core import Routed, route

NAME = "bus_loop"


class Settings(BatchSettings):
    """Which loop, which dispatch, and how many handlers are called.

    Attributes
    ----------
    dispatch : {"bus", "bare"}
        ``bare`` is the least code that calls the same handlers with the same views.
    producer : bool
        Whether a producer task takes turns with the consumer, as over loopback.
    calls : int
        Topics that have events. Each of the other topics has a handler too, which the bus
        passes by and bare dispatch does not know of; 0, with ``bare`` only: a tick alone.
    """

    event_loop: EventLoop = "asyncio"
    dispatch: Literal["bus", "bare"] = "bus"
    producer: bool = True
    calls: int = Field(16, ge=0, le=65_536)

    @model_validator(mode="after")
    def _a_bus_has_topics(self) -> Settings:
        if self.dispatch == "bus" and not self.calls:
            raise ValueError("a bus calls at least 1 handler; 0 calls are for bare dispatch")
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
        ready = _ReadyBus(routed, topics)
        ready.on("topic.*")(tally.handle)
        source = _Same(batch, loops)
        ready.attach(source)
        await ready.run()
        return source.seconds

    async def bare(loops: int) -> float:
        bounds, indices = routed.offsets.tolist(), routed.indices
        handlers = [tally.handle] * calls
        start = perf_counter()
        for _ in range(loops):
            for topic, handler in enumerate(handlers):
                handler(batch, indices[bounds[topic] : bounds[topic + 1]])
            await asyncio.sleep(0)
        return perf_counter() - start

    consume = bus if settings.dispatch == "bus" else bare

    def timed(loops: int) -> Coroutine[None, None, float]:
        async def run() -> float:
            turns = asyncio.create_task(_take_turns()) if settings.producer else None
            seconds = await consume(loops)
            if turns:
                turns.cancel()
            return seconds

        return run()

    return on_loop(settings.event_loop, timed)


async def _take_turns() -> None:
    while True:
        await asyncio.sleep(0)


class _ReadyBus(Bus):
    """A bus whose batch is routed already: kernel and border are not in the figure."""

    def __init__(self, routed: Routed, topics: int) -> None:
        super().__init__(f"topic.{i}" for i in range(topics))
        self._ready = routed

    def route(self, batch: Batch) -> Routed:
        return self._ready


class _Same:
    """A receiver that has the same batch again and again, and takes the time."""

    label = "loopback"
    copies = 0
    waiting = 0

    def __init__(self, batch: Batch, loops: int) -> None:
        self.seconds = 0.0
        self._batch = batch
        self._left = loops
        self._start = 0.0

    async def receive(self) -> Batch:
        if not self._start:
            self._start = perf_counter()
        if not self._left:
            self.seconds = perf_counter() - self._start
            raise EndOfStream
        self._left -= 1
        return self._batch

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass
