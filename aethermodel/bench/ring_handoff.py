"""Handoff latency: one batch from commit in one process to the consumer in another."""

from __future__ import annotations

from typing import Any

import numpy as np

from aethermodel.measure.harness.child_processes import start
from aethermodel.measure.harness.event_loops import available_loops
from aethermodel.processes import ChildError
from cython_core import PeerDied
from cython_core.ring_latency import Waiting, handoff

_SPINNING: dict[str, Waiting] = {"asyncio": "asyncio spinning", "uvloop": "uvloop spinning"}


def handoff_latencies(batches: int) -> dict[str, dict[str, Any]]:
    """Time single handoffs, each batch alone, by every way of waiting.

    Parameters
    ----------
    batches : int
        Handoffs a way.

    Returns
    -------
    dict
        By way of waiting: ``p50_seconds``, ``p99_seconds``, ``batches``.

    Raises
    ------
    ChildError
        If the other process dies.
    """
    ways: list[Waiting] = ["spin", "wait"]
    for loop in available_loops():
        ways += [loop, _SPINNING[loop]]
    found: dict[str, dict[str, Any]] = {}
    for way in ways:
        try:
            seconds = handoff(batches, waiting=way, start=start)[batches // 10 :] / 1e9
        except PeerDied as error:
            raise ChildError(f"one-way handoff, {way}: {error}") from None
        p50, p99 = np.percentile(seconds, [50, 99])
        found[way] = {"p50_seconds": float(p50), "p99_seconds": float(p99), "batches": batches}
    return found
