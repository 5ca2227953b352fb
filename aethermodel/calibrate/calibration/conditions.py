"""Conditions of a calibration: the settings that its predictions hold for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

from aethermodel.fabrics import RING_BATCHES, RING_BYTES, FabricLabel
from aethermodel.inputs.fields import Bytes, Id
from aethermodel.kernel_facts import EVENT_BYTES, MAX_TOPICS
from aethermodel.model.terms import expected_calls

if TYPE_CHECKING:
    import sympy

#: A cache level's name.
Level = Annotated[str, StringConstraints(strict=True, pattern="^L[1-4]$")]
# Strict field by field: a strict dataclass would not be made from a file's values.
_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=_CONFIG)
class Conditions:
    """Under what the terms were measured; a prediction holds for these.

    A value of another type, or out of range, is refused wherever conditions are made: they go
    into formulas.

    Attributes
    ----------
    topics : int
        Topics of the router, each with a handler, drawn uniformly.
    pool : int
        Batches in turn: the working set is ``pool * N * record_bytes``.
    event_loop : str
    fabric : str
        Provenance label.
    cache_bytes : dict of str to int
        Capacity of each cache level, where the kernel's cost an event may rise.
    switch : int or None
        Batch size at which the router changes its way, where its cost an event may fall.
    variant : str or None
        Instruction set of the kernels; None in files that did not record it.
    layout : {"records", "columns"}
        How the events of a batch lie in memory.
    threads : int
        Threads that share each batch.
    record_bytes : int
        Of each event.
    """

    topics: Annotated[int, Field(strict=True, ge=1, le=MAX_TOPICS)]
    pool: Annotated[int, Field(strict=True, ge=1, le=2**20)]
    event_loop: Literal["asyncio", "uvloop"]
    fabric: FabricLabel
    cache_bytes: dict[Level, Bytes]
    switch: Annotated[int, Field(strict=True, ge=1, le=2**40)] | None = None
    variant: Id | None = None
    layout: Literal["records", "columns"] = "records"
    threads: Annotated[int, Field(strict=True, ge=1, le=2**20)] = 1
    record_bytes: Annotated[int, Field(strict=True, ge=8, le=65_536)] = EVENT_BYTES

    def calls(self) -> sympy.Expr:
        """Return handler calls a tick, an expression in N."""
        return expected_calls(self.topics)

    def knees(self) -> dict[str, float]:
        """Return the batch size at which the pool outgrows each cache level, by level."""
        return {
            name: size / (self.record_bytes * self.pool) for name, size in self.cache_bytes.items()
        }

    def fills(self) -> float | None:
        """Return how many events fill the L2 cache, the last that is one core's own."""
        size = self.cache_bytes.get("L2")
        return size / self.record_bytes if size else None

    def ring_places(self) -> tuple[float, float] | None:
        """Return the batch sizes beyond which a ring of batches that follow each other is another.

        Beyond the first it no longer fits its producer's L2 cache: the consumer fetches lines not
        from there but from the cache that all cores share. Beyond the second it has room for fewer
        batches, and the two ends are nearer. See
        `aethermodel.measure.harness.ring_size.ring_capacity`. None of other fabrics, and where the
        cache is not known.
        """
        fills = self.fills()
        if not fills or self.fabric != "shared-memory":
            return None
        return fills / RING_BATCHES, RING_BYTES // self.record_bytes / RING_BATCHES
