"""Bandwidth probe: reads one word of each event, or copies whole batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from aethermodel.measure.harness.batch_pool import same_pool
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core import allocate, record_type
from cython_core.probes.bandwidth import time_copy, time_read


class Settings(RecordSettings):
    """Batch size and pool: the working set.

    Attributes
    ----------
    work : {"read", "copy"}
        ``read`` touches one 8-byte word of each record, which is the least that
        any consumer of all events can do; ``copy`` moves every byte.
    """

    work: Literal["read", "copy"] = setting("copy", "one word of each event, or every byte")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time one core on the batches of the pool, round-robin, from native code."""
    batches = same_pool(settings.batch_size, 1, settings.pool, settings.record_bytes)
    target = allocate(settings.batch_size, record_type(settings.record_bytes))

    def timed(loops: int) -> float:
        if settings.work == "read":
            return time_read(batches, loops)
        return time_copy(batches, loops, out=target)

    return timed
