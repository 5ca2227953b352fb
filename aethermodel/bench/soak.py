"""Soak test: steady load across two processes, with nothing lost and no memory grown."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from aethermodel import thresholds
from aethermodel.bench.soak_memory import MOST_GROWN_BYTES, own_bytes
from aethermodel.bus.bus import Bus
from aethermodel.bus.dispatcher import Indices
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.fabrics import FABRICS, CrossingFabric
from aethermodel.measure.harness.event_loops import EventLoop, available_loops
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from aethermodel.measure.harness.ring_size import ring_bytes
from aethermodel.measure.host.rdma_devices import label_here, usable_device
from cython_core import first_disorder, now_ns

Progress = Callable[[int, int], None]
_TRIALS, _TRIAL_BATCHES = 5, 400
# The producer is told what to send for about so long at a time.
_SLICE_SECONDS = 1.0


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
    fabric : {"shm", "tcp", "verbs"}
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
            verified, latencies, memory, and under ``held`` whether all was well; ``why`` says
            in words what was not. Nothing of that depends on how fast it went: a host that
            cannot keep up moves less (``kept_up`` is then false), and is stopped in time.

        Raises
        ------
        ValueError
            If uvloop is asked for and not installed, or verbs and there is no device.
        """
        if self.event_loop not in available_loops():
            raise ValueError("uvloop is not installed; install it or use --loop asyncio")
        if FABRICS[self.fabric].needs_device:
            usable_device(ring_bytes(self.batch_size))
        if self.event_loop == "uvloop":
            import uvloop

            found: dict[str, Any] = uvloop.run(self._run(progress))
            return found
        return asyncio.run(self._run(progress))

    async def _run(self, progress: Progress | None) -> dict[str, Any]:
        crossing = await Crossing.open(self.fabric, self.batch_size, self.topics, checksum=True)
        try:
            rates = []
            for _ in range(1 + _TRIALS):  # the first warms up
                trial = await self._move(crossing, _Slices(_TRIAL_BATCHES))
                if trial.problems:
                    return self._figures(trial, 0.0, [])
                rates.append(trial.messages / trial.seconds)
            offered = self.load * median(rates[1:])
            interval_ns = max(round(self.batch_size / offered * 1e9), 1)
            slices = _Slices.lasting(self.seconds, interval_ns)
            watch = asyncio.create_task(self._watch(crossing.pid, progress))
            whole = await self._move(crossing, slices)
            watch.cancel()
            return self._figures(whole, self.batch_size / interval_ns * 1e9, await watch)
        finally:
            crossing.close()

    def _figures(self, moved: _Moved, offered: float, memory: list[int]) -> dict[str, Any]:
        grown = growth(memory)
        problems = list(moved.problems)
        if grown > MOST_GROWN_BYTES:
            problems.append(f"memory grew by {grown} bytes")
        return {
            "label": label_here(self.fabric),
            "held": not problems,
            "why": problems,
            "messages": moved.messages,
            "seconds": moved.seconds,
            "offered_per_second": offered,
            "kept_up": moved.kept_up,
            "verified_by": ["sequence", "checksum"],
            "p50_seconds": moved.checked.latency_ns.quantile(0.5) / 1e9,
            "p99_seconds": moved.checked.latency_ns.quantile(0.99) / 1e9,
            "tick_p99_seconds": moved.bus.instruments.tick_ns.quantile(0.99) / 1e9,
            "memory_bytes": memory,
            "grown_bytes": grown,
        }

    async def _move(self, crossing: Crossing, slices: _Slices) -> _Moved:
        """Move all slices through one bus."""
        bus = Bus((f"topic.{i}" for i in range(self.topics)), capacity=self.batch_size)
        orders = [InOrder() for _ in bus.topics]
        for name, order in zip(bus.topics, orders, strict=True):
            bus.on(name)(order.handle)
        first = crossing.sent
        more = slices.begin(crossing, self.batch_size)
        checked = Checked(crossing.receiver, 0, first, verify=True, more=more)
        bus.attach(checked)
        await bus.run()
        seen, sent = sum(order.events for order in orders), slices.passed * self.batch_size
        problems = [f"{label}: {error}" for label, error in bus.lost]
        problems += [f"{bus.topics.name(f.topic)}: {f}" for f in bus.failures]
        if seen != sent:
            problems.append(f"handlers saw {seen} of {sent} events")
        return _Moved(bus, checked, seen, problems, slices.kept_up)

    async def _watch(self, producer: int, progress: Progress | None) -> list[int]:
        """Read the memory of both processes each second, until cancelled."""
        start, memory, whole = now_ns(), list[int](), round(self.seconds)
        try:
            while True:
                await asyncio.sleep(1)
                memory.append(own_bytes(os.getpid()) + own_bytes(producer))
                if progress:
                    progress(min(round((now_ns() - start) / 1e9), whole), whole)
        except (asyncio.CancelledError, OSError):  # or the producer is gone: its stream says so
            return memory


class _Slices:
    """What the producer is told to send, piece after piece, one always ahead of the consumer.

    The times at which batches are meant to go run on from one to the next: what is late stays
    late. Once the last is later than it may be, no more are ordered.
    """

    def __init__(self, batches: int, most: int = 0, interval_ns: int = 0) -> None:
        self.passed = 0
        self._left = batches  # to order
        self._most = most or batches
        self._interval_ns = interval_ns
        self._late_ns = round((1 + thresholds.SOAK_MOST_LATE) * batches * interval_ns)
        self._waiting = deque[int]()  # ordered, and not all received

    @classmethod
    def lasting(cls, seconds: float, interval_ns: int) -> _Slices:
        """Plan for a time, at an interval between batches."""
        batches = max(1, round(seconds / interval_ns * 1e9))
        return cls(batches, max(1, round(_SLICE_SECONDS / interval_ns * 1e9)), interval_ns)

    @property
    def kept_up(self) -> bool:
        """Whether everything planned was sent."""
        return not self._left

    def begin(self, crossing: Crossing, batch_size: int) -> Callable[[], int]:
        """Order the first slices; what is returned orders one more, and says what comes next."""
        start = now_ns() if self._interval_ns else 0

        def order() -> None:
            batches = min(self._left, self._most)
            if not batches or (start and now_ns() - start > self._late_ns):
                return
            due = start + (self.passed + sum(self._waiting)) * self._interval_ns if start else 0
            crossing.order(batches, batch_size, self._interval_ns, due)
            self._left -= batches
            self._waiting.append(batches)

        def more() -> int:
            if self.passed:
                crossing.spent()
            order()
            if not self._waiting:
                return 0
            batches = self._waiting.popleft()
            self.passed += batches
            return batches

        order()
        return more


class _Moved(NamedTuple):
    """What one run through a bus showed."""

    bus: Bus
    checked: Checked
    messages: int
    problems: list[str]
    kept_up: bool

    @property
    def seconds(self) -> float:
        """From the first batch's meant time until the last one was released."""
        return (self.checked.ended_ns - self.checked.began_ns) / 1e9


def growth(memory: list[int]) -> int:
    """Return by how much the last quarter is above the second; the first is warm-up."""
    quarter = len(memory) // 4
    if not quarter:
        return 0
    early, late = memory[quarter : 2 * quarter], memory[-quarter:]
    return round(median(late) - median(early))
