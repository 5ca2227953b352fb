"""Core-scaling probe: throughput of a core while others are busy.

Each core has batches and results of its own and waits for nobody; whatever it loses against
working alone, it loses to what the cores share: the last-level cache, the memory, the clock's
boost. The cores are threads of one process: all the work is native code without the
interpreter's lock, so that what is timed is what as many processes would get.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Literal

from aethermodel.measure.probes import bandwidth, kernel
from aethermodel.measure.probes.settings import BatchSettings, setting


class Settings(BatchSettings):
    """Batch size, topics and pool of each core, and how many cores do what.

    Attributes
    ----------
    cores : int
        How many work at the same time.
    work : {"route", "read", "copy"}
        Of each: the kernel, one word of each event, or every byte.
    """

    cores: int = setting(1, "cores that work at the same time", "cores", ge=1, le=256)
    work: Literal["route", "read", "copy"] = setting("route", "what each of them does")


def _one_core(settings: Settings) -> Callable[[int], float]:
    sizes = {name: getattr(settings, name) for name in BatchSettings.model_fields}
    if settings.work == "route":
        return kernel.prepare(kernel.Settings(**sizes))
    return bandwidth.prepare(bandwidth.Settings(work=settings.work, **sizes))


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time all cores at once: the mean of what an operation took each of them."""
    works = [_one_core(settings) for _ in range(settings.cores)]
    if settings.cores == 1:
        return works[0]
    pool = ThreadPoolExecutor(settings.cores)
    start = Barrier(settings.cores)

    def together(work: Callable[[int], float], loops: int) -> float:
        start.wait()
        return work(loops)

    def timed(loops: int) -> float:
        running = [pool.submit(together, work, loops) for work in works]
        return sum(done.result() for done in running) / settings.cores

    return timed
