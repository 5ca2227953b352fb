"""Lists in typed parameters: as a command line or a notebook's parameter can give them."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def _listed(given: Any) -> Any:
    if isinstance(given, str):
        return [part.strip() for part in given.split(",")]
    return [given] if isinstance(given, int | float) else given


#: ``Annotated[tuple[int, ...], LISTED]`` also takes ``"1,100"`` and a single number.
LISTED = BeforeValidator(_listed)
