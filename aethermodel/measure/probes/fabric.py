"""T_fabric: what it costs the consumer to get one batch, never waiting for the producer."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Coroutine
from time import perf_counter, thread_time
from typing import Literal, TypeVar

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.measure.checked import Checked
from aethermodel.measure.crossing import Crossing, CrossingFabric
from aethermodel.measure.pacing import POOL, numbered_pool
from aethermodel.measure.probes.settings import BatchSettings
from aethermodel.measure.runner import EventLoop, on_loop
from aethermodel.measure.sending import ring_capacity
from aethermodel.measure.slices import Lap, Lapped
from aethermodel.measure.workload import make_batch

_T = TypeVar("_T")
Timed = Callable[[int], Coroutine[None, None, float]]


class Settings(BatchSettings):
    """The batch that moves, the loop it moves on, and the fabric it moves through.

    Attributes
    ----------
    fabric : {"loopback", "shm", "tcp", "verbs"}
        ``loopback``: a handle sent and received in one task. The others: received from
        another process, with every event read once and checked, since it is the first
        touch that fetches it from where the producer or the device left it.
    checked : bool
        Read and check every event over loopback too.
    """

    event_loop: EventLoop = "asyncio"
    checked: bool = False
    fabric: Literal["loopback", "shm", "tcp", "verbs"] = "loopback"


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time the fabric alone: nothing is routed and no handler called."""
    if settings.fabric == "shm":
        return Lapped(on_loop(settings.event_loop, _crossing(settings, "shm", _from_backlog)))
    if settings.fabric != "loopback":
        timed = _crossing(settings, settings.fabric, _by_cpu_time)
    elif settings.checked:
        timed = _checked_loopback(settings)
    else:
        timed = _loopback(settings)
    return on_loop(settings.event_loop, timed)


def _loopback(settings: Settings) -> Timed:
    """Send and receive in one task: no tick of the loop is in the figure."""
    batch = make_batch(settings.batch_size, settings.topics, seed=0)

    async def timed(loops: int) -> float:
        fabric = Loopback(depth=2)
        start = perf_counter()
        for _ in range(loops):
            await fabric.send(batch)
            await fabric.receive()
        return perf_counter() - start

    return timed


def _checked_loopback(settings: Settings) -> Timed:
    pool = numbered_pool(settings.batch_size, settings.topics)

    async def timed(loops: int) -> float:
        fabric = Loopback(depth=2)
        receiver = Checked(fabric, loops, lap=POOL * settings.batch_size)
        start = perf_counter()
        for i in range(loops):
            await fabric.send(pool[i % POOL])
            await _one(receiver)
        return perf_counter() - start

    return timed


async def _one(receiver: Checked) -> None:
    """Take one batch as the bus does, which also looks how many wait behind it."""
    await receiver.receive()
    _ = receiver.waiting
    receiver.release()


def _crossing(
    settings: Settings,
    fabric: CrossingFabric,
    receive: Callable[[Checked, int, int], Coroutine[None, None, _T]],
) -> Callable[[int], Coroutine[None, None, _T]]:
    held: list[Crossing] = []

    async def timed(loops: int) -> _T:
        if not held:
            n, topics = settings.batch_size, settings.topics
            held.append(await Crossing.open(fabric, n, topics))
            atexit.register(held[0].close)
        (crossing,) = held
        first = crossing.order(loops, settings.batch_size)
        receiver = Checked(crossing.receiver, loops, first)
        taken = await receive(receiver, loops, settings.batch_size)
        crossing.spent()
        return taken

    return timed


async def _from_backlog(receiver: Checked, loops: int, batch_size: int) -> list[Lap]:
    """Let half a ring of batches gather outside the clock, then take them inside it."""
    done, laps = 0, []
    backlog = ring_capacity(batch_size) // 2 // batch_size
    while done < loops:
        turn = min(backlog, loops - done)
        while receiver.waiting < turn * batch_size:
            await asyncio.sleep(0)
        start = perf_counter()
        for _ in range(turn):
            await _one(receiver)
        laps.append(Lap(turn, perf_counter() - start))
        done += turn
    return laps


async def _by_cpu_time(receiver: Checked, loops: int, batch_size: int) -> float:
    """Count this thread's own time: the loop reads from the kernel, and sleeps in between."""
    start = thread_time()
    for _ in range(loops):
        await _one(receiver)
    return thread_time() - start
