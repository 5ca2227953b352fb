"""T_kernel probe: the routing kernel alone, timed from native code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import field_validator

from aethermodel.measure.harness.batch_pool import same_pool
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core import simd_variants
from cython_core.routing.routed import Routed
from cython_core.routing.router import MAX_THREADS, time_route


class Settings(RecordSettings):
    """Batch size, topics and pool, and which form of the kernel.

    Attributes
    ----------
    variant : str or None
        Instruction set, one of `cython_core.simd_variants`; None takes the best.
    threads : int
        Threads that share one batch.
    layout : {"records", "columns"}
        records in a row, or a topic column and a value column.
    """

    variant: str | None = setting(
        None, f"instruction set, of {', '.join(simd_variants())} [without it: the best]"
    )
    threads: int = setting(1, "threads that share one batch", "threads", ge=1, le=MAX_THREADS)
    layout: Literal["records", "columns"] = setting(
        "records", "records in a row, or a topic column and a value column"
    )

    @field_validator("variant")
    @classmethod
    def _runs_here(cls, variant: str | None) -> str | None:
        if variant is not None and variant not in simd_variants():
            raise ValueError(f"no variant {variant!r} here; there are {', '.join(simd_variants())}")
        return variant


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time routing through the pool, so that caches are as warm as in the pipeline."""
    records = same_pool(settings.batch_size, settings.topics, settings.pool, settings.record_bytes)
    columns = [
        (np.ascontiguousarray(batch["topic"]), np.ascontiguousarray(batch["value"]))
        for batch in records
        if settings.layout == "columns"
    ]
    out = Routed(settings.batch_size, settings.topics)

    def timed(loops: int) -> float:
        return time_route(
            columns if settings.layout == "columns" else records,
            settings.topics,
            loops,
            out=out,
            threads=settings.threads,
            variant=settings.variant,
        )

    return timed
