"""What a batch costs the producer at the other end of a fabric: made, numbered and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from aethermodel.bus.fabric import Receiver
from aethermodel.measure.crossing import Crossing
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.runner import EventLoop, on_loop
from cython_core.bandwidth import time_read

NAME = "produce"


class Settings(BatchSettings):
    """The batch that is sent, and the fabric it is sent through.

    Attributes
    ----------
    event_loop : {"asyncio", "uvloop"}
        Of the consumer, which takes batches faster than they come.
    fabric : {"shm", "tcp"}
    """

    event_loop: EventLoop = "asyncio"
    fabric: Literal["shm", "tcp"] = "shm"


def prepare(settings: Settings) -> Callable[[int], float]:
    """Count the producer's own CPU time; nothing is routed at the other end.

    The consumer touches each line once, since what the producer pays for a line depends on
    who had it last.
    """
    held: list[Crossing] = []

    async def timed(loops: int) -> float:
        if not held:
            held.append(await Crossing.open(settings.fabric, settings.batch_size, settings.topics))
        (crossing,) = held
        crossing.order(loops, settings.batch_size)
        await _take(crossing.receiver, loops * settings.batch_size)
        return crossing.spent().cpu_seconds

    return on_loop(settings.event_loop, timed)


async def _take(receiver: Receiver, events: int) -> None:
    while events:
        batch = await receiver.receive()
        time_read([batch], 1)
        events -= len(batch)
        receiver.release()
        await asyncio.sleep(0)
