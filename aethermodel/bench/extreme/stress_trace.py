"""Trace of the stress test: ticks, loop turns, queue depth, waiting side."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.bench.extreme.stress import Stress
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Batch
from aethermodel.measure.harness.event_loops import on_loop
from cython_core import Histogram

_LAPS = 4


class WatchedQueue(Loopback):
    """A loopback that counts what its ends meet.

    Attributes
    ----------
    depths : Histogram
        Batches that waited when one was asked for, that one included.
    found_full, found_empty : int
        Sends that found no room, and receives that found nothing: each costs a future and a
        turn of the loop.
    """

    def __init__(self, depth: int) -> None:
        super().__init__(depth)
        self.room = depth
        self.depths = Histogram()
        self.found_full = self.found_empty = 0

    async def send(self, batch: Batch) -> None:
        """Count, then send."""
        self.found_full += len(self) >= self.room
        await super().send(batch)

    async def receive(self) -> Batch:
        """Count, then receive."""
        self.depths.record(len(self))
        self.found_empty += not len(self)
        return await super().receive()


@dataclass(frozen=True)
class Observation:
    """What was seen; watching costs some 0.3 µs a batch, so that no rate is taken from it.

    Attributes
    ----------
    batches : int
    tick_ns : Histogram
        From a batch in hand to the return of its last handler.
    turn_ns : Histogram
        From the end of one tick to the end of the next: the tick, the loop and the queue.
    depths : Histogram
        Batches that waited at each receive.
    full_share, empty_share : float
        Of the sends, those that had to wait for room; of the receives, those for a batch.
    slow_gains : tuple of float
        By part of the run: relative gain in throughput if no lap took more than twice the
        median. A lap is as many turns as the queue holds batches: the producer fills it in one
        turn, which is long by its nature and no disturbance.
    """

    batches: int
    tick_ns: Histogram
    turn_ns: Histogram
    depths: Histogram
    full_share: float
    empty_share: float
    slow_gains: tuple[float, ...]

    def figures(self) -> dict[str, Any]:
        """Return JSON values; histograms as (largest value, count) of each bucket."""
        return {
            "batches": self.batches,
            "tick_seconds": _quantiles(self.tick_ns),
            "turn_seconds": _quantiles(self.turn_ns),
            "turn_histogram_seconds": _buckets(self.turn_ns, 1e-9),
            "queue_depth_batches": _buckets(self.depths, 1),
            "full_share": self.full_share,
            "empty_share": self.empty_share,
            "slow_gains": list(self.slow_gains),
        }


def _quantiles(histogram: Histogram) -> dict[str, float]:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    found = {name: histogram.quantile(share) / 1e9 for name, share in shares.items()}
    return found | {"maximum": histogram.maximum / 1e9}


def _buckets(histogram: Histogram, unit: float) -> list[list[float]]:
    return [[v * unit, c] for v, c in zip(*(a.tolist() for a in histogram.buckets()), strict=True)]


def observe(stress: Stress, batches: int, parts: int = 7) -> Observation:
    """Run a stress test with its loop and its queue watched.

    Parameters
    ----------
    stress : Stress
    batches : int
        To send; at least four times `parts`.
    parts : int
        Of the run, over which the cost of slow turns is compared.
    """
    if batches < _LAPS * parts:
        raise ValueError(f"{parts} parts want {_LAPS * parts} batches or more, not {batches}")
    queue = WatchedQueue(stress.design.queue_depth)
    ticks, turns = Histogram(), Histogram()
    ends = np.zeros(batches, dtype=np.int64)
    pool, process = stress.batches, stress.process

    async def produce() -> None:
        for i in range(batches):
            await queue.send(pool[i % len(pool)])

    async def consume() -> None:
        for i in range(batches):
            batch = await queue.receive()
            start = perf_counter_ns()
            process(batch)
            ends[i] = perf_counter_ns()
            ticks.record(int(ends[i]) - start)

    async def watched(_: int) -> float:
        await asyncio.gather(produce(), consume())
        return 0.0

    on_loop(stress.design.event_loop, watched)(batches)
    taken = np.diff(ends)
    for turn in taken.tolist():
        turns.record(turn)
    lap = min(stress.design.queue_depth, max(1, len(taken) // (_LAPS * parts)))
    laps = taken[: len(taken) // lap * lap].reshape(-1, lap).sum(axis=1)
    return Observation(
        batches,
        ticks,
        turns,
        queue.depths,
        queue.found_full / batches,
        queue.found_empty / batches,
        tuple(slow_gain(part) for part in np.array_split(laps, parts)),
    )


def slow_gain(laps: npt.NDArray[np.int64]) -> float:
    """Return the relative gain in throughput if no lap took more than twice the median."""
    total = float(laps.sum())
    kept = float(np.minimum(laps, thresholds.SLOW_LAP * np.median(laps)).sum())
    return total / kept - 1 if kept else 0.0
