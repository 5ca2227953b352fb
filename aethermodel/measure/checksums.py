"""Checksums of whole batches."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from aethermodel.bus.fabrics.protocol import Batch


class Checksums(NamedTuple):
    """The two kernels.

    Attributes
    ----------
    stamp : callable
        Writes each event's checksum into it.
    verify : callable
        Returns the places of the events whose checksum is wrong.
    """

    stamp: Callable[[Batch], None]
    verify: Callable[[Batch], list[int]]


def checksums() -> Checksums | None:
    """Return the kernels, or None where this build of the library has none."""
    if find_spec("cython_core.events.checksum") is None:
        return None
    kernels = import_module("cython_core.events.checksum")
    return Checksums(kernels.stamp, lambda batch: list(kernels.verify(batch)))
