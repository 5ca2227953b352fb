"""Dispatch probe: a tick of the bus, compared with the barest loop with the same handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from aethermodel.bus.bus import Bus
from aethermodel.bus.fabrics.protocol import EndOfStream
from aethermodel.bus.reader import TICKS_A_TURN
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.handlers import LostEventsError, Tally
from aethermodel.measure.harness.receivers import Repeated
from aethermodel.measure.probes.settings import setting
from cython_core import NativeHandler, Routed, route
from cython_core.probes.tally import tally_capsule

#: Topics of the batch, each with one event, whether it has a handler or not.
TOPICS = 16


class Settings(BaseModel):
    """By whom a batch is dispatched, and to how many handlers.

    Attributes
    ----------
    by : {"bus", "bare", "native"}
        ``native`` is the bus with C functions as handlers. ``bare`` is the least code that does the
        same: receive, route, call, release, give the loop its turn as often. It isolates no errors,
        times nothing, and knows no end but the stream's. It is plain Python: the bus, which calls
        its handlers from native code, may be below it.
    event_loop : {"asyncio", "uvloop"}
    handlers : int
        Topics that have one, 0 to 16.
    events : int
        Of the batch, the same number of each topic but for the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["bus", "bare", "native"] = setting(
        "bus", "the bus, the barest loop that does the same, or the bus with handlers in C"
    )
    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")
    handlers: int = setting(TOPICS, "topics that have a handler", "handlers", ge=0, le=TOPICS)
    events: int = setting(TOPICS, "events of the batch", "events", ge=TOPICS, le=2**20)


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks; that every handler saw every event is checked after the clock stopped."""
    batch = make_batch(settings.events, TOPICS, seed=0)
    batch["topic"] = np.arange(settings.events) % TOPICS
    run = {"bus": _bus, "bare": _bare, "native": _native}[settings.by]
    shown = int((batch["topic"] < settings.handlers).sum())

    async def timed(loops: int) -> float:
        tally, source = Tally(), Repeated(batch, loops)
        await run(source, tally, settings.handlers)
        if tally.events != loops * shown:
            raise LostEventsError(f"{tally.events} of {loops * shown} events seen")
        return source.seconds

    return on_loop(settings.event_loop, timed)


async def _bus(source: Repeated, tally: Tally, handlers: int) -> None:
    await _run(source, [tally.handle] * handlers)


async def _native(source: Repeated, tally: Tally, handlers: int) -> None:
    events = np.zeros(1, np.int64)
    await _run(source, [NativeHandler(tally_capsule(), events)] * handlers)
    tally.events = int(events[0])


async def _run(source: Repeated, handlers: Sequence[Any]) -> None:
    bus = Bus((f"topic.{i}" for i in range(TOPICS)), capacity=source.events)
    for topic, handler in enumerate(handlers):
        bus.on(f"topic.{topic}")(handler)
    bus.attach(source)
    await bus.run()


async def _bare(source: Repeated, tally: Tally, handlers: int) -> None:
    routed = Routed(source.events, TOPICS)
    calls = list(enumerate([tally.handle] * handlers))
    with suppress(EndOfStream):
        for ticks in count(1):
            if (batch := source.ready()) is None:
                batch = await source.receive()
            route(batch, TOPICS, out=routed)
            if calls:
                bounds, indices = routed.offsets.tolist(), routed.indices
                for topic, handler in calls:
                    handler(batch, indices[bounds[topic] : bounds[topic + 1]])
            source.release()
            if ticks % TICKS_A_TURN == 0:
                await asyncio.sleep(0)
