"""What probes have in common to set."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BatchSettings(BaseModel):
    """A batch size, and the pool of batches that makes the working set.

    Attributes
    ----------
    batch_size : int
        Events N.
    topics : int
        Topics K of the router.
    pool : int
        Different batches used in turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(10_000, ge=1, le=2**24)
    topics: int = Field(16, ge=1, le=65_536)
    pool: int = Field(4, ge=1, le=1024)
