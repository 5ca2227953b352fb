"""Packed batches: pickled, as they cross to another process."""

from __future__ import annotations

import pickle
from typing import Any

from aethermodel.pipelines.runtime.runtime import StageError

_PROTOCOL = 5


def pack(item: Any) -> bytes:
    """Return an item pickled, as it crosses to a process."""
    return pickle.dumps(item, protocol=_PROTOCOL)


def unpack(content: bytes) -> Any:
    """Return an item that a process of ours has pickled."""
    return pickle.loads(content)


def packed(batch: Any, stage: str, n: int) -> bytes:
    """Return a batch as it crosses to a process.

    Raises
    ------
    StageError
        If it cannot be pickled.
    """
    try:
        return pack(batch)
    except Exception as error:
        what = f"its batch cannot be pickled for a process: {type(error).__name__}: {error}"
        raise StageError(stage, n, what) from None
