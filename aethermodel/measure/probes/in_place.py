"""In-place probe: the pipeline with its terms timed inside, by clock reads at their ends."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from aethermodel.bus.bus import Bus
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch, Receiver
from aethermodel.bus.plane import Plane
from aethermodel.fabrics import crosses
from aethermodel.measure.harness.batch_pool import same_pool
from aethermodel.measure.harness.bus_run import across
from aethermodel.measure.harness.event_loops import on_loop, take_turns
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, Passing
from aethermodel.measure.host.slices import Releases, Slice
from aethermodel.measure.probes.pipeline import Settings
from cython_core import clock_cost_ns, now_ns

__all__ = ["Settings", "prepare"]
# Reads of the clock, one after the other, of which the cost is the median.
_READS = 2000


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time the pipeline as its own probe does, and beside it fabric and router in place.

    The figures are the seconds a batch of ``fabric`` (of loopback both ends; from another
    process with the wait for it) and ``route`` (the call over the border, kernel included), and
    ``clock``, the cost of the read of the clock that was taken off each.
    """
    if crosses(settings.fabric):
        return _Crossed(settings)
    return _InProcess(settings)


class _Stamps:
    """Times of a batch, in nanoseconds, and what each term took by them."""

    def __init__(self) -> None:
        self.fabric: list[int] = []
        self.route: list[int] = []
        self._clock = _clock_ns()
        self._native_clock = clock_cost_ns()  # the router is timed in native code

    def figures(self, *, robust: bool) -> dict[str, float]:
        """Return seconds a batch of each, the clock's cost taken off.

        Parameters
        ----------
        robust : bool
            Medians over the batches, of a stream; else means: of one slice, as of a term alone.
        """
        if not self.route or not self.fabric:
            return {}
        centre = np.median if robust else np.mean
        # Fabric is two stretches, each with a read of the clock inside.
        fabric = float(centre(self.fabric)) - 2 * self._clock
        routed = float(centre(self.route)) - self._native_clock
        return {
            "fabric": max(fabric, 0.0) / 1e9,
            "route": max(routed, 0.0) / 1e9,
            "clock": self._clock / 1e9,
        }


def _clock_ns() -> float:
    reads: list[int] = []
    stamp = reads.append
    for _ in range(_READS):
        stamp(now_ns())
    return float(median(np.diff(reads).tolist()))


class _InProcess:
    """Producer and consumer as tasks that take turns, as in the pipeline's own probe."""

    def __init__(self, settings: Settings) -> None:
        sizes = settings.batch_size, settings.topics, settings.pool, settings.record_bytes
        self._pool = same_pool(*sizes)
        self._plane = Plane(settings.topics, settings.batch_size)
        self._tally = Tally()
        for topic in range(settings.calls):
            self._plane.on(topic, self._tally.handle)
        self._taken: list[_Stamps] = []
        self._run = on_loop(settings.event_loop, self._timed)

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        return self._run(loops)

    async def _timed(self, loops: int) -> float:
        stamps = _Stamps()
        sent: list[int] = []
        fabric = Loopback(depth=2)
        seconds = await take_turns(
            self._produce(fabric, loops, sent), self._consume(fabric, loops, sent, stamps)
        )
        self._taken.append(stamps)
        return seconds

    async def _produce(self, fabric: Loopback, loops: int, sent: list[int]) -> None:
        pool = self._pool
        for i in range(loops):
            batch = pool[i % len(pool)]
            before = now_ns()
            await fabric.send(batch)
            sent.append(now_ns() - before)
            await asyncio.sleep(0)

    async def _consume(
        self, fabric: Loopback, loops: int, sent: list[int], stamps: _Stamps
    ) -> None:
        plane = self._plane
        plane.note_routes(stamps.route)
        for i in range(loops):
            before = now_ns()
            batch = await fabric.receive()
            stamps.fabric.append(sent[i] + now_ns() - before)
            plane.tick(batch)
            await asyncio.sleep(0)

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return what the calls since the last look show that count."""
        taken, self._taken = self._taken, []
        return together([taken[index].figures(robust=False) for index in kept])


class _Crossed:
    """The bus over a stream from another process, as in the pipeline's own probe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: list[Crossing] = []
        self._stamps = _Stamps()
        self.slices = on_loop(settings.event_loop, self._timed)

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        taken = self.slices(loops)
        return sum(one.seconds for one in taken) * loops / sum(one.loops for one in taken)

    async def _timed(self, loops: int) -> list[Slice]:
        settings = self._settings
        n, fabric = settings.batch_size, settings.fabric
        assert crosses(fabric)
        if not self._held:
            size = settings.record_bytes
            crossing = await Crossing.open(fabric, n, settings.topics, record_bytes=size)
            self._held.append(crossing)
            atexit.register(self._held[0].close)
        releases = Releases()
        self._stamps = _Stamps()
        moving = across(self._held[0], n, settings.topics, releases, watched=self._watched)
        await moving(loops + 1, 0)
        return releases.end()

    def _watched(self, bus: Bus, receiver: Checked) -> Receiver:
        bus.ticks.note_routes(self._stamps.route)
        return _Timed(receiver, self._stamps.fabric)

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return what the last stream shows."""
        found, self._stamps = self._stamps.figures(robust=True), _Stamps()
        return found


class _Timed(Passing):
    """Passes on a receiver's batches, and notes what taking and releasing each costs."""

    def __init__(self, receiver: Checked, seconds: list[int]) -> None:
        super().__init__(receiver)
        self._checked = receiver
        self._seconds = seconds
        self._taking = 0

    def ready(self) -> Batch | None:
        """Return the next batch if it is there."""
        before = now_ns()
        batch = self._checked.ready()
        self._taking = now_ns() - before
        return batch

    async def receive(self) -> Batch:
        """Return the next batch."""
        before = now_ns()
        batch = await self._receiver.receive()
        self._taking = now_ns() - before
        return batch

    def release(self) -> None:
        """Release the batch."""
        before = now_ns()
        self._receiver.release()
        self._seconds.append(self._taking + now_ns() - before)


def together(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over several stretches."""
    seen = [one for one in figures if one]
    return {name: median(one[name] for one in seen) for name in (seen[0] if seen else ())}
