"""Fixed load on the pipeline in one process; latency counts from when a batch was due.

A producer that waits for the pipeline before it sends again hides every stall from its own
figures (coordinated omission). Here the schedule is drawn beforehand and never waits: what is due
while the pipeline is busy is late, and its lateness counts.
"""

from __future__ import annotations

import asyncio
import gc
from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass, replace
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from aethermodel import thresholds
from aethermodel.bus.adaptive_size import Rule
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.plane import Plane
from aethermodel.fabrics import FABRICS, crosses
from aethermodel.measure.harness.batch_pool import WorkingSet, same_pool
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.harness.handlers import LostEventsError, Tally
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.disturbance import Disturbance
from aethermodel.measure.host.jitter import TICKS_WATCHED, Watch, watch_ticks
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from aethermodel.measure.sampling.garbage_collection import uncollected

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.conditions import Conditions

Floats = npt.NDArray[np.float64]
#: The fabrics that load is put on.
LoadedFabric = Literal["loopback", "shm"]


class LoadSettings(BaseModel):
    """The pipeline that is put under load.

    Attributes
    ----------
    group : int
        Events of one arriving batch: they are due together.
    largest : int
        Arrived batches that one tick takes at most.
    topics, pool : int
        As in the probes: topics with a handler, distinct buffers to cycle through.
    event_loop : {"asyncio", "uvloop"}
    fabric : {"loopback", "shm"}
        ``loopback``: one process. ``shm``: a producer process that keeps the schedule, the ring,
        and the bus, where each event is checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: int = Field(256, ge=1, le=2**20)
    largest: int = Field(32, ge=1, le=1024)
    topics: int = Field(16, ge=1, le=65_536)
    pool: int = Field(4, ge=1, le=64)
    event_loop: EventLoop = "asyncio"
    fabric: LoadedFabric = "loopback"

    @classmethod
    def under(cls, conditions: Conditions, group: int, largest: int) -> LoadSettings:
        """Return the pipeline under the conditions of a calibration.

        Raises
        ------
        ValueError
            If it was taken over a fabric that cannot be loaded here: its law is another
            pipeline's, and its label would be false.
        """
        loaded: dict[str | None, LoadedFabric]
        loaded = {FABRICS[name].label: name for name in get_args(LoadedFabric)}
        fabric = loaded.get(conditions.fabric)
        if fabric is None:
            possible = " or ".join(map(str, loaded))
            raise ValueError(
                f"load is put on {possible}: the calibration was taken with fabric "
                f"{conditions.fabric}"
            )
        return cls(
            group=group,
            largest=largest,
            topics=conditions.topics,
            pool=conditions.pool,
            event_loop=conditions.event_loop,
            fabric=fabric,
        )


@dataclass(frozen=True)
class LoadRun:
    """What one run showed.

    Attributes
    ----------
    latencies : ndarray, shape (batches after warm-up,)
        Seconds from when each arriving batch was due until its last handler returned.
    seconds : float
        From the start until the last batch was handled.
    ticks : int
        Ticks that served something.
    sizes : ndarray of int, shape (ticks,)
        Arrived batches that each of them served.
    noise : Noise
        What disturbed the run.
    cores : CoreCheck
        At the cores before and after it, the worse of each.
    """

    latencies: Floats
    seconds: float
    ticks: int
    sizes: npt.NDArray[np.int64]
    noise: Noise
    cores: CoreCheck


class Loaded(ABC):
    """A pipeline that is ready to run under any schedule, again and again.

    Parameters
    ----------
    settings : LoadSettings

    Attributes
    ----------
    cores_best : CoreCheck
        Of the cores, over all runs so far.
    switches_least : float
        Times a second that the kernel took a core away, in the run so far that had the fewest.
    """

    def __init__(self, settings: LoadSettings) -> None:
        self.cores_best = CoreCheck()
        self.switches_least = inf
        self.settings = settings
        self._tally = Tally()
        self._due: list[float] = []
        self._ends: list[float] = []
        self._served: list[int] = []
        self._rule: Rule | None = None
        self._elsewhere = 0  # switches of the last run in other processes
        self._drive = on_loop(settings.event_loop, self._run)

    def run(self, due: Floats, rule: Rule | None = None) -> LoadRun:
        """Serve a schedule.

        Parameters
        ----------
        due : ndarray, shape (batches,)
            When each batch arrives, in seconds from the start, ascending.
        rule : Rule, optional
            Forms what one tick takes, counted in arrived batches; without one a tick takes
            whatever has arrived. After the last arrival what waits is taken as it is.

        Raises
        ------
        LostEventsError
            If the handlers were not shown every event.
        ValueError
            If the rule forms larger batches than a tick takes.
        """
        if rule and rule.most > self.settings.largest:
            raise ValueError(f"a tick takes {self.settings.largest} batches, not {rule.most}")
        self._rule = rule
        self._due = np.asarray(due, dtype=np.float64).tolist()
        self._ends, self._served, self._tally.events = [], [], 0
        gc.collect()
        with uncollected():
            around = self._look()
            before = Reading.now()
            seconds = self._drive(len(self._due))
            noise = Noise.since(before)
            noise = replace(noise, switches=noise.switches + self._elsewhere)
            around = around.worst(self._look())
        sent = len(self._due) * self.settings.group
        if self._tally.events != sent:
            raise LostEventsError(f"handlers saw {self._tally.events} of {sent} events")
        latencies = np.repeat(self._ends, self._served) - due
        sizes = np.array(self._served, dtype=np.int64)
        self.cores_best = self.cores_best.best(around)
        self.switches_least = min(self.switches_least, noise.switches / seconds)
        latencies = latencies[int(thresholds.LOAD_WARM_UP * due.size) :]
        return LoadRun(latencies, seconds, sizes.size, sizes, noise, around)

    def _look(self) -> CoreCheck:
        across = crosses(self.settings.fabric)
        return CoreCheck.now(both=across, crossing=across)

    def capacity(self, batches: int = 20_000, rule: Rule | None = None) -> float:
        """Return arriving batches a second when the pipeline never has to wait for one.

        The first tenth is left out, in which nothing is where the caches want it: of latencies it
        is left out as well.
        """
        self.run(np.zeros(batches), rule)
        return warm_rate(self._served, self._ends)

    def switched(self, switches: int, seconds: float) -> bool:
        """Whether cores were taken away more often than they always are here."""
        return switches > thresholds.PREEMPTED_TIMES * self.switches_least * seconds

    def disturbance(self, run: LoadRun) -> Disturbance:
        """Tell what disturbed a run, by all runs so far."""
        switched = self.switched(run.noise.switches, run.seconds)
        return Disturbance.of(run.noise, run.cores, self.cores_best, switched=switched)

    @abstractmethod
    def watch(self, seconds: float) -> list[Watch]:
        """Look at what the host gives each of the pipeline's processes, at once.

        The consumer's comes first; a producer of its own must have run before.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of what it holds; idempotent."""

    @abstractmethod
    async def _run(self, total: int) -> float:
        """Serve `self._due`, note ends and sizes of ticks; returns the seconds that it took."""


def warm_rate(sizes: list[int], ends: list[float]) -> float:
    """Return batches a second, but for the first tenth, in which caches were cold.

    Parameters
    ----------
    sizes : list of int
        Batches that each tick served.
    ends : list of float
        Seconds from the start at which each tick ended.
    """
    served = np.cumsum(sizes)
    batches = served[-1]
    first = int(np.searchsorted(served, thresholds.LOAD_WARM_UP * batches))
    if first == served.size - 1:  # all in one tick
        return float(batches / ends[-1])
    return float((batches - served[first]) / (ends[-1] - ends[first]))


class Ticks(Protocol):
    """What is called with every batch."""

    def tick(self, batch: Batch) -> None:
        """Serve one batch."""


class LoadedPipeline(Loaded):
    """Producer, loopback fabric, plane and handlers, in one process."""

    def __init__(self, settings: LoadSettings) -> None:
        super().__init__(settings)
        most = settings.group * settings.largest
        plane = Plane(settings.topics, most)
        for topic in range(settings.topics):
            plane.on(topic, self._tally.handle)
        self._plane: Ticks = plane
        # The probes' own place, and a working set like theirs: pool * N * 64 bytes.
        (self._events,) = same_pool(settings.pool * most, settings.topics, pool=1)
        self._working_set = WorkingSet(self._events)
        self._most = settings.largest
        self._ready: list[float] = []  # when the last of each batch was due

    def watch(self, seconds: float) -> list[Watch]:
        """Look at ticks of one arrived batch each, that follow each other without a break."""
        with uncollected():
            return [watch_ticks(self._one_by_one, seconds)]

    def _one_by_one(self) -> Floats:
        self._due = [0.0] * TICKS_WATCHED
        self._ends, self._served, self._rule, self._most = [], [], None, 1
        try:
            self._drive(TICKS_WATCHED)
        finally:
            self._most = self.settings.largest
        return np.diff(self._ends)

    async def _run(self, total: int) -> float:
        self._ready = []
        fabric = Loopback(depth=2)
        start = perf_counter()
        rule = self._rule
        produce = self._form(fabric, rule, start) if rule else self._produce(fabric, total, start)
        await asyncio.gather(produce, self._consume(fabric, start, rule))
        return perf_counter() - start

    async def _produce(self, fabric: Loopback, total: int, start: float) -> None:
        due, most, served = self._due, self._most, self._served
        group, events_of = self.settings.group, self._working_set.next
        first = 0
        while first < total:
            now = perf_counter() - start
            last = bisect_right(due, now, first, min(first + most, total))
            if last > first:
                served.append(last - first)
                await fabric.send(events_of((last - first) * group))
                first = last
            await asyncio.sleep(0)

    async def _form(self, fabric: Loopback, rule: Rule, start: float) -> None:
        """Produce as a rule wants it: what is due is heard of at once, and sent when it says."""
        due, total = self._due, len(self._due)
        served, ready = self._served, self._ready
        group, pool, events = self.settings.group, self.settings.pool, self._events
        first = seen = turn = 0
        while first < total:
            now = perf_counter() - start
            last = bisect_right(due, now, seen, total)
            if last > seen:
                rule.arrived(last - seen, now)
                seen = last
            if seen > first:
                size = rule.take(seen - first, now - due[first])
                if not size and seen == total:
                    size = min(seen - first, rule.most)
                if size:
                    served.append(size)
                    ready.append(due[first + size - 1])
                    at = turn % pool * size * group  # sizes seldom change: as in the probes
                    await fabric.send(events[at : at + size * group])
                    first, turn = first + size, turn + 1
            await asyncio.sleep(0)

    async def _consume(self, fabric: Loopback, start: float, rule: Rule | None) -> None:
        plane, ends, served, ready = self._plane, self._ends, self._served, self._ready
        left, free = len(self._due), 0.0
        while left:
            # A look instead of a wait: a waiting task would have to be woken, which no term holds.
            if len(fabric):
                plane.tick(await fabric.receive())
                end = perf_counter() - start
                size = served[len(ends)]
                if rule:
                    # From when it could have been served: what keeps the loop until then counts.
                    rule.served(size, end - max(free, ready[len(ends)]))
                ends.append(end)
                left, free = left - size, end
            await asyncio.sleep(0)
