"""T_loop probe: one tick of the event loop with its handler calls."""

from __future__ import annotations

from collections.abc import Callable

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Plane
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.event_loops import EventLoop, on_loop, take_turns
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.probes import fabric, ffi
from aethermodel.measure.probes.settings import CallSettings, setting
from cython_core.ticks.operation import turn

#: A tick cannot take less.
LEAST_TICK_SECONDS = 1e-8


class Settings(CallSettings):
    """Which loop, and how many of the handlers each tick calls; its batch has an event for each.

    Attributes
    ----------
    calls : int
        Topics that have events, so that their handlers are called; each of the
        other topics has a handler too, which a tick only passes by.
    """

    event_loop: EventLoop = setting("asyncio", "event loop that the ticks run on")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time ticks of the pipeline over a small batch; what others measure of it is taken off.

    The same batch sent and received in one task, and routed by itself: that is in the terms of
    the fabric, the border and the kernel. What is left is the loop's, with what each of them makes
    dearer for running in turn with it.
    """
    topics, events = settings.topics, max(1, settings.calls)
    batch = make_batch(events, topics, 0, settings.record_bytes)
    batch["topic"] = range(events)
    plane, tally = Plane(topics, events), Tally()
    # Without a call the one topic that has events is the one without a handler.
    for topic in range(0 if settings.calls else 1, topics):
        plane.on(topic, tally.handle)

    async def produce(hop: Loopback, loops: int) -> None:
        for _ in range(loops):
            await hop.send(batch)
            await turn()

    async def consume(hop: Loopback, loops: int) -> None:
        for _ in range(loops):
            plane.tick(await hop.receive())
            await turn()

    async def in_turn(loops: int) -> float:
        hop = Loopback(depth=2)
        return await take_turns(produce(hop, loops), consume(hop, loops))

    ticks = on_loop(settings.event_loop, in_turn)
    small = {"batch_size": events, "topics": topics, "record_bytes": settings.record_bytes}
    moved = fabric.prepare(fabric.Settings(event_loop=settings.event_loop, **small))
    routed = ffi.prepare(ffi.Settings(with_kernel=True, **small))

    def timed(loops: int) -> float:
        # Where somebody else had the core during those alone, a tick would cost less than nothing.
        return max(ticks(loops) - moved(loops) - routed(loops), loops * LEAST_TICK_SECONDS)

    return timed
