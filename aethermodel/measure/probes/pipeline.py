"""Pipeline probe: batches from a producer through a fabric, routed and handled."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Coroutine

from pydantic import model_validator

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Plane
from aethermodel.fabrics import Fabric, crosses
from aethermodel.measure.harness.batch_pool import same_pool
from aethermodel.measure.harness.bus_run import across
from aethermodel.measure.harness.event_loops import EventLoop, on_loop, take_turns
from aethermodel.measure.harness.handlers import LostEventsError, Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.host.slices import Releases, Slice, Stream
from aethermodel.measure.probes.settings import CallSettings, PlacedSettings, setting
from cython_core.ticks.operation import turn

Timed = Callable[[int], Coroutine[None, None, float]]


class Settings(CallSettings, PlacedSettings):
    """Batch size, topics, pool, loop, fabric, and how many topics have a handler.

    Attributes
    ----------
    fabric : {"loopback", "shm", "tcp", "verbs"}
        ``loopback``: producer and consumer are tasks of one loop. The others: the producer
        is another process, and each event is checked before it is routed.
    """

    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")
    fabric: Fabric = setting(
        "loopback", "how batches come: within the process, or from another one"
    )

    def default_calls(self) -> int:
        """Return all topics from another process, where each has its handler."""
        return self.topics if crosses(self.fabric) else super().default_calls()

    @model_validator(mode="after")
    def _handlers_of_all_topics(self) -> Settings:
        if crosses(self.fabric) and self.calls != self.topics:
            raise ValueError(f"over {self.fabric} every topic has its handler")
        return self


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time from the first send until the last batch was seen by its handlers."""
    settings.take_cores()
    if crosses(settings.fabric):
        return Stream(on_loop(settings.event_loop, _across(settings)))
    return on_loop(settings.event_loop, _in_process(settings))


def _across(settings: Settings) -> Callable[[int], Coroutine[None, None, list[Slice]]]:
    """The bus over a stream from another process; the producer waits only for room."""
    fabric, n = settings.fabric, settings.batch_size
    assert crosses(fabric)
    held: list[Crossing] = []

    async def timed(loops: int) -> list[Slice]:
        if not held:
            size = settings.record_bytes
            held.append(await Crossing.open(fabric, n, settings.topics, record_bytes=size))
            atexit.register(held[0].close)
        releases = Releases()
        # One more: each batch is timed from release to release.
        await across(held[0], n, settings.topics, releases)(loops + 1, 0)
        return releases.end()

    return timed


def _in_process(settings: Settings) -> Timed:
    """Producer and consumer as tasks that take turns.

    One tick drains one batch: the producer sends one and gives its turn to the
    consumer, which receives, routes in one call, dispatches and gives it back.
    Every event is touched by the kernel, counted by a handler, and the count is
    checked after the clock stopped.
    """
    pool = same_pool(settings.batch_size, settings.topics, settings.pool, settings.record_bytes)
    plane = Plane(settings.topics, settings.batch_size)
    tally = Tally()
    for topic in range(settings.calls):
        plane.on(topic, tally.handle)
    handled = [int((batch["topic"] < settings.calls).sum()) for batch in pool]

    async def produce(fabric: Loopback, loops: int) -> None:
        for i in range(loops):
            await fabric.send(pool[i % len(pool)])
            await turn()

    async def consume(fabric: Loopback, loops: int) -> None:
        for _ in range(loops):
            plane.tick(await fabric.receive())
            await turn()

    def timed(loops: int) -> Coroutine[None, None, float]:
        async def run() -> float:
            fabric = Loopback(depth=2)
            tally.events = 0
            elapsed = await take_turns(produce(fabric, loops), consume(fabric, loops))
            sent = sum(handled[i % len(pool)] for i in range(loops))
            if tally.events != sent:
                raise LostEventsError(f"handlers saw {tally.events} of {sent} events")
            return elapsed

        return run()

    return timed
