"""Offered loads as fractions of capacity, and the arrival processes that make them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from aethermodel.inputs.list_types import LISTED
from aethermodel.model.queueing.arrivals import Arrivals, Bursty, Periodic, Poisson

Kind = Literal["poisson", "periodic", "bursty"]
# A burst's share of the time, and the batches that one burst holds on average.
_BURST_SHARE, _BURST_BATCHES = 0.5, 20


def _below_capacity(loads: tuple[float, ...]) -> tuple[float, ...]:
    for load in loads:
        if not 0 < load < 1:
            raise ValueError(f"a load lies above 0 and below 1, not at {load:g}")
    return loads


#: Shares of a capacity, above 0 and below 1.
Loads = Annotated[tuple[float, ...], LISTED, AfterValidator(_below_capacity)]
#: Kinds of arrivals.
Kinds = Annotated[tuple[Kind, ...], LISTED]


def arrivals_of(kind: Kind, rate: float) -> Arrivals:
    """Return arrivals of batches at a mean rate, in batches a second."""
    if kind == "poisson":
        return Poisson(rate)
    if kind == "periodic":
        return Periodic(rate)
    return Bursty(rate, _BURST_SHARE, _BURST_BATCHES * _BURST_SHARE / rate)
