"""Send probe: the producer's cost of one batch, without waiting for the consumer."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Coroutine
from time import perf_counter, thread_time
from typing import TypeVar

from aethermodel.fabrics import CrossingFabric
from aethermodel.measure.harness.connect import run_up
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.processes.consumer_process import Drained
from aethermodel.measure.host.slices import Slice, Slices, Stream
from aethermodel.measure.probes.settings import RecordSettings, setting
from aethermodel.thresholds import SLICES

_T = TypeVar("_T")
# As many batches as a ring has room for.
_RUN_UP = 8


class Settings(RecordSettings):
    """The batch, and the fabric that it is sent through to another process.

    Attributes
    ----------
    fabric : {"shm", "tcp", "verbs"}
        ``shm``: numbered in the ring, whose memory the consumer has read since. ``tcp``:
        numbered and sent through the kernel. ``verbs``: numbered where the device reads it,
        posted, and moved by the device.
    event_loop : {"asyncio", "uvloop"}
        The consumer's: how soon it empties a connection sets how often the producer has to wait
        for room, which is work of the producer's own. A ring's consumer needs none.
    """

    fabric: CrossingFabric = setting("shm", "what the batches are sent through")
    event_loop: EventLoop = setting("asyncio", "event loop of the consumer")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time the producer alone; the consumer checks every event outside the clock."""
    # The producer's own loop is that of every crossing's.
    if settings.fabric == "verbs":
        return on_loop("asyncio", _opened(settings, _at_pace))
    send = _into_room if settings.fabric == "shm" else _by_cpu_time
    return Stream(on_loop("asyncio", _opened(settings, send)))


def _opened(
    settings: Settings, send: Callable[[Drained, int], Coroutine[None, None, _T]]
) -> Callable[[int], Coroutine[None, None, _T]]:
    held: list[Drained] = []

    async def timed(loops: int) -> _T:
        if not held:
            sent = settings.fabric, settings.batch_size, settings.topics
            size = settings.record_bytes
            held.append(await Drained.open(*sent, settings.event_loop, size))
            atexit.register(held[0].close)
            if settings.fabric == "tcp":
                await _by_cpu_time(held[0], run_up(settings.batch_size, size))
        return await send(held[0], loops)

    return timed


async def _into_room(drained: Drained, loops: int) -> list[Slice]:
    """Send half a ring of batches inside the clock, and let them be taken outside it."""
    done, slices = 0, Slices()
    while done < loops:
        turn = min(drained.backlog, loops - done)
        start = perf_counter()
        await drained.send(turn)
        slices.add(turn, perf_counter() - start)
        drained.take(turn)
        drained.wait()
        done += turn
    return slices.end()


async def _by_cpu_time(drained: Drained, loops: int) -> list[Slice]:
    """Count this thread's own time: it sleeps while the connection is full.

    In slices of one stream: each start anew would find the connection empty.
    """
    drained.take(loops)
    slices, done = Slices(), 0
    while done < loops:
        turn = min(max(1, loops // SLICES), loops - done)
        start = thread_time()
        await drained.send(turn)
        slices.add(turn, thread_time() - start)
        done += turn
    drained.wait()
    return slices.end()


async def _at_pace(drained: Drained, loops: int) -> float:
    """Send into a stream that flows: where the device is slower, it sets the pace by its room."""
    drained.take(_RUN_UP + loops)
    await drained.send(_RUN_UP)
    start = perf_counter()
    await drained.send(loops)
    seconds = perf_counter() - start
    drained.wait()
    return seconds
