"""List types for parameters of commands and notebooks."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BeforeValidator

from aethermodel.inputs.sizes import count_of


def _whole(part: str) -> str:
    """Write ``1e4`` as a list of whole numbers takes it; leave all else as it is."""
    if not re.fullmatch(r"\d+(\.\d+)?[eE]\+?\d+", part):
        return part
    try:
        return str(count_of(part))
    except ValueError:
        return part


def _listed(given: Any) -> Any:
    if isinstance(given, str):
        return [_whole(part.strip()) for part in given.split(",")]
    return [given] if isinstance(given, int | float) else given


#: ``Annotated[tuple[int, ...], LISTED]`` also takes ``"1,1e4"`` and a single number.
LISTED = BeforeValidator(_listed)
