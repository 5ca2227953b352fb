"""Checksum probe: the CRC-32C kernels alone, timed from native code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import field_validator

from aethermodel.measure.harness.batch_pool import make_pool
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core import checksum_variants, stamp
from cython_core.events.checksum import time_stamp, time_verify


class Settings(RecordSettings):
    """Batch and pool, what to do, and with which instructions.

    Attributes
    ----------
    work : {"verify", "stamp"}
    variant : str or None
        One of `cython_core.checksum_variants`; None takes the best.
    """

    work: Literal["verify", "stamp"] = setting("verify", "compare checksums, or write them")
    variant: str | None = setting(
        None, f"instructions, of {', '.join(checksum_variants())} [without it: the best]"
    )

    @field_validator("variant")
    @classmethod
    def _runs_here(cls, variant: str | None) -> str | None:
        if variant is not None and variant not in checksum_variants():
            known = ", ".join(checksum_variants())
            raise ValueError(f"no checksum variant {variant!r} here; there are {known}")
        return variant


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time verification (of good checksums) or stamping of the pool's batches, round-robin."""
    batches = make_pool(
        settings.batch_size,
        settings.topics,
        settings.pool,
        record_bytes=settings.record_bytes,
    )
    for batch in batches:
        stamp(batch)
    work = time_verify if settings.work == "verify" else time_stamp

    def timed(loops: int) -> float:
        return work(batches, loops, variant=settings.variant)

    return timed
