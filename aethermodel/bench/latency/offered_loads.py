"""Offered loads as fractions of capacity."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from aethermodel.inputs.list_types import LISTED
from aethermodel.model.queueing.arrivals import Kind


def _below_capacity(loads: tuple[float, ...]) -> tuple[float, ...]:
    for load in loads:
        if not 0 < load < 1:
            raise ValueError(f"a load lies above 0 and below 1, not at {load:g}")
    return loads


#: Shares of a capacity, above 0 and below 1.
Loads = Annotated[tuple[float, ...], LISTED, AfterValidator(_below_capacity)]
#: Kinds of arrivals.
Kinds = Annotated[tuple[Kind, ...], LISTED]
