"""Whole of a bus in one process: a task publishes batches, sixteen handlers are called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from aethermodel.bus import Bus
from aethermodel.measure.harness.batch_pool import same_pool
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.handlers import LostEventsError, Tally


def prepare(batch_size: int, event_loop: EventLoop, topics: int = 16) -> Callable[[int], float]:
    """Time from the first `publish` until the bus has handled the last batch."""
    pool = same_pool(batch_size, topics, 4)

    async def timed(loops: int) -> float:
        bus, tally = Bus((f"topic.{i}" for i in range(topics)), capacity=batch_size), Tally()
        for topic in range(topics):
            bus.on(f"topic.{topic}")(tally.handle)
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        start = perf_counter()
        for i in range(loops):
            await bus.publish(pool[i % 4])
        bus.stop()
        await running
        seconds = perf_counter() - start
        if tally.events != loops * batch_size:
            raise LostEventsError(f"handlers saw {tally.events} of {loops * batch_size} events")
        return seconds

    return on_loop(event_loop, timed)
