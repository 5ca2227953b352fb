"""T_loop probe of a bus: one tick with its handler calls, or without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter

from aethermodel.measure.harness.batch_pool import make_batch, numbered_record
from aethermodel.measure.harness.bus_run import drain, tallied
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.local_loopback import OwnLoopback
from aethermodel.measure.harness.local_ring import OwnRing
from aethermodel.measure.probes import fabric, ffi
from aethermodel.measure.probes.loop import LEAST_TICK_SECONDS
from aethermodel.measure.probes.settings import CallSettings, setting

Timed = Callable[[int], Coroutine[None, None, float]]


class Settings(CallSettings):
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

    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")
    producer: bool = setting(True, "a producer task takes turns with the bus, else a ring feeds it")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks, each over a batch that is there."""
    if settings.calls:
        return _in_place(settings)
    return on_loop(settings.event_loop, _beside_producer(_ticks) if settings.producer else _ticks)


def _in_place(settings: Settings) -> Callable[[int], float]:
    """Let a bus take and handle small batches; what others measure of it is taken off.

    The same batches taken without a bus, and routed by themselves: that is in the terms of the
    fabric, the border and the kernel. What is left is the loop's, with what each of them makes
    dearer for running in turn with it.
    """
    calls, topics, on = settings.calls, settings.topics, settings.event_loop
    size = settings.record_bytes
    batch = make_batch(calls, topics, 0, numbered_record(size))
    batch["topic"] = range(calls)
    if settings.producer:
        ticks = _ticks_of(OwnLoopback(batch), settings)
        moved = fabric.prepare(
            fabric.Settings(
                batch_size=calls, topics=topics, event_loop=on, checked=True, record_bytes=size
            )
        )
    else:
        ring = OwnRing(batch)
        ticks = _ticks_of(ring, settings)
        moved = on_loop(on, lambda loops: ring.seconds(loops, lambda it: it.take(loops + 1)))
    call = ffi.Settings(batch_size=calls, topics=topics, with_kernel=True, record_bytes=size)
    routed = ffi.prepare(call)

    def timed(loops: int) -> float:
        # Where somebody else had the core during those alone, a tick would cost less than nothing.
        return max(ticks(loops) - moved(loops) - routed(loops), loops * LEAST_TICK_SECONDS)

    return timed


def _ticks_of(source: OwnLoopback | OwnRing, settings: Settings) -> Callable[[int], float]:
    calls, topics = settings.calls, settings.topics
    record = numbered_record(settings.record_bytes)

    def seconds(loops: int) -> Coroutine[None, None, float]:
        bus = tallied(Tally(), calls, topics, record=record)
        return source.seconds(loops, partial(drain, bus))

    return on_loop(settings.event_loop, seconds)


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
