"""The soak: hours of steady load across processes, with nothing lost and no memory grown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median
from time import monotonic
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bus.bus import Bus
from aethermodel.bus.dispatcher import Indices
from aethermodel.bus.fabric import Batch
from aethermodel.measure.checked import Checked, OutOfSequenceError
from aethermodel.measure.checksums import checksums
from aethermodel.measure.crossing import Crossing, CrossingFabric
from aethermodel.measure.rows import LABELS
from aethermodel.measure.runner import EventLoop, available_loops
from cython_core import first_disorder

Progress = Callable[[int, int], None]
# Allocators keep some slack: less than this over the whole soak is no growth.
_SLACK_BYTES = 2**20
_TRIAL_BATCHES = 400


class InOrder:
    """A topic's handler: every event's number must be above the one before it.

    Attributes
    ----------
    events : int
        Seen so far.
    """

    def __init__(self) -> None:
        self.events = 0
        self._last = -1

    def handle(self, batch: Batch, indices: Indices) -> None:
        """Check one topic's events of one batch."""
        at = first_disorder(batch, indices, self._last)
        if at >= 0:
            wrong = batch["sequence"][indices[at]]
            raise OutOfSequenceError(f"event {wrong} of one topic came after event {self._last}")
        self._last = int(batch["sequence"][indices[-1]])
        self.events += len(indices)


class Soak(BaseModel):
    """What to run.

    Attributes
    ----------
    seconds : float
        How long.
    load : float
        Share of the throughput that the same checks reach at full speed.
    fabric : {"shm", "tcp"}
    event_loop : {"asyncio", "uvloop"}
    batch_size, topics : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(600, ge=1, le=10**7)
    load: float = Field(0.8, gt=0, lt=1)
    fabric: CrossingFabric = "shm"
    event_loop: EventLoop = available_loops()[-1]
    batch_size: int = Field(10_000, ge=1, le=2**20)
    topics: int = Field(16, ge=1, le=4096)

    def run(self, progress: Progress | None = None) -> dict[str, Any]:
        """Run it on this host.

        Parameters
        ----------
        progress : callable, optional
            Called each second with (seconds done, seconds in all).

        Returns
        -------
        dict
            JSON values with units in their names: what was moved and how it was
            verified, latencies, resident memory, and under ``held`` whether all was well;
            ``why`` says in words what was not.

        Raises
        ------
        ValueError
            If uvloop is asked for and not installed.
        """
        if self.event_loop not in available_loops():
            raise ValueError("uvloop is not installed; install it or use --loop asyncio")
        if self.event_loop == "uvloop":
            import uvloop

            found: dict[str, Any] = uvloop.run(self._run(progress))
            return found
        return asyncio.run(self._run(progress))

    async def _run(self, progress: Progress | None) -> dict[str, Any]:
        n = self.batch_size
        crossing = await Crossing.open(self.fabric, n, self.topics, checksum=True)
        try:
            await self._move(crossing, _TRIAL_BATCHES, 0)
            _, trial, _ = await self._move(crossing, _TRIAL_BATCHES, 0)
            seconds_a_batch = (trial.ended_ns - trial.began_ns) / 1e9 / _TRIAL_BATCHES
            interval_ns = max(round(seconds_a_batch / self.load * 1e9), 1)
            batches = max(1, round(self.seconds / interval_ns * 1e9))
            watch = asyncio.create_task(self._watch(crossing.pid, progress))
            bus, checked, orders = await self._move(crossing, batches, interval_ns)
            watch.cancel()
            resident = await watch
        finally:
            crossing.close()
        seen = sum(order.events for order in orders)
        grown = _grown(resident)
        problems = [f"{label}: {error}" for label, error in bus.lost]
        problems += [f"{bus.topics.name(f.topic)}: {f.error}" for f in bus.failures]
        if seen != batches * n:
            problems.append(f"handlers saw {seen} of {batches * n} events")
        if grown > _SLACK_BYTES:
            problems.append(f"resident memory grew by {grown} bytes")
        latency, tick = checked.latency_ns, bus.instruments.tick_ns
        return {
            "label": LABELS[self.fabric],
            "held": not problems,
            "why": problems,
            "messages": seen,
            "seconds": (checked.ended_ns - checked.began_ns) / 1e9,
            "offered_per_second": n / interval_ns * 1e9,
            "verified_by": ["sequence"] + (["checksum"] if checksums() else []),
            "p50_seconds": latency.quantile(0.5) / 1e9,
            "p99_seconds": latency.quantile(0.99) / 1e9,
            "tick_p99_seconds": tick.quantile(0.99) / 1e9,
            "resident_bytes": resident,
            "grown_bytes": grown,
        }

    async def _move(
        self, crossing: Crossing, batches: int, interval_ns: int
    ) -> tuple[Bus, Checked, list[InOrder]]:
        bus = Bus((f"topic.{i}" for i in range(self.topics)), capacity=self.batch_size)
        orders = [InOrder() for _ in bus.topics]
        for name, order in zip(bus.topics, orders, strict=True):
            bus.on(name)(order.handle)
        first = crossing.order(batches, self.batch_size, interval_ns)
        checked = Checked(crossing.receiver, batches, first, verify=checksums())
        bus.attach(checked)
        await bus.run()
        if not bus.lost:
            crossing.spent()
        return bus, checked, orders

    async def _watch(self, producer: int, progress: Progress | None) -> list[int]:
        """Read the resident memory of both processes each second, until cancelled."""
        processes = [psutil.Process(), psutil.Process(producer)]
        start, resident = monotonic(), []
        try:
            while True:
                await asyncio.sleep(1)
                resident.append(sum(process.memory_info().rss for process in processes))
                if progress:
                    done = min(round(monotonic() - start), round(self.seconds))
                    progress(done, round(self.seconds))
        except asyncio.CancelledError:
            return resident


def _grown(resident: list[int]) -> int:
    """Return by how much the last quarter is above the second; the first is warm-up."""
    quarter = len(resident) // 4
    if not quarter:
        return 0
    early, late = resident[quarter : 2 * quarter], resident[-quarter:]
    return round(median(late) - median(early))
