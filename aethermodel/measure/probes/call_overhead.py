"""Call-overhead probe: one call across the FFI boundary, by each tool."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from time import perf_counter

from pydantic import BaseModel, ConfigDict, field_validator

from aethermodel.measure.peers.ffi_tools import CALLS
from aethermodel.measure.probes.settings import setting


class Settings(BaseModel):
    """Through what to call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    border: str = setting(..., f"through what to call: {' | '.join(CALLS)}")

    @field_validator("border")
    @classmethod
    def _known(cls, border: str) -> str:
        if border not in CALLS:
            raise ValueError(f"no border {border!r}; there are {', '.join(CALLS)}")
        return border


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time calls in a Python loop; the loop's own cost is in every row alike."""
    function = CALLS[settings.border]()

    def timed(loops: int) -> float:
        start = perf_counter()
        for _ in repeat(None, loops):
            function()
        return perf_counter() - start

    return timed
