"""Fixed load on the pipeline across two processes; the producer keeps the schedule."""

from __future__ import annotations

import asyncio
import atexit
from time import perf_counter

import numpy as np

from aethermodel.bench.latency.load import Floats, Loaded, LoadedPipeline, LoadSettings
from aethermodel.bus.fabrics.protocol import Batch, Receiver
from aethermodel.fabrics import crosses
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.bus_run import drain, tallied
from aethermodel.measure.harness.event_loops import on_loop
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.local_ring import OwnRing
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, Passing
from aethermodel.measure.harness.senders import Schedule
from aethermodel.measure.host.jitter import TICKS_WATCHED, Watch, watch_ticks
from aethermodel.measure.sampling.garbage_collection import uncollected
from cython_core import now_ns

# So many looks for a batch before its receiver waits as it would by itself, and finds out then
# that nobody sends any more: some 10 ms, longer than any load leaves it idle.
_LOOKS = 10_000


def loaded(settings: LoadSettings) -> Loaded:
    """Return the pipeline of the settings' fabric; its `close` is the caller's."""
    return LoadedCrossing(settings) if crosses(settings.fabric) else LoadedPipeline(settings)


class LoadedCrossing(Loaded):
    """A producer process, the ring, and a bus that checks every event and calls its handlers."""

    def __init__(self, settings: LoadSettings) -> None:
        super().__init__(settings)
        self._crossing: Crossing | None = None
        self._own_ring = OwnRing(make_batch(settings.group, settings.topics, seed=0))
        self._drive_alone = on_loop(settings.event_loop, self._alone)

    def watch(self, seconds: float) -> list[Watch]:
        """Look at ticks of one arrived batch each, and meanwhile at the producer's core.

        The ticks are of a ring within this process: from the producer's they would wait for it.
        """
        assert self._crossing, "nothing has run yet"
        with uncollected():
            return self._crossing.watch(seconds, lambda: watch_ticks(self._one_by_one, seconds))

    def _one_by_one(self) -> Floats:
        return np.array(self._drive_alone(TICKS_WATCHED))

    async def _alone(self, ticks: int) -> list[float]:
        timed: list[float] = []
        bus = tallied(Tally(), self.settings.group, self.settings.topics)
        await self._own_ring.seconds(ticks, lambda checked: drain(bus, _Timed(checked, timed)))
        return timed[1:]  # the first one is the start's

    def close(self) -> None:
        """End the producer."""
        if self._crossing:
            self._crossing.close()
            self._crossing = None

    async def _run(self, total: int) -> float:
        if self._rule:
            raise ValueError("a rule forms batches over loopback only: here the producer does")
        settings = self.settings
        group, most = settings.group, settings.group * settings.largest
        if self._crossing is None:
            self._crossing = await Crossing.open("shm", most, settings.topics)
            atexit.register(self.close)
        crossing = self._crossing
        bus, watched = tallied(self._tally, most, settings.topics), _Watched(crossing.receiver)
        first, end = crossing.sent, crossing.sent + total * group
        checked = Checked(watched, 1, first, more=lambda: int(checked.next < end))
        due_ns = np.rint(np.array(self._due) * 1e9).astype(np.int64)
        start = crossing.keep(Schedule(due_ns, first, group))
        await drain(bus, checked)
        self._elsewhere = crossing.spent().switches
        self._served = [events // group for events in watched.events]
        self._ends = [(ended - start) / 1e9 for ended in watched.ended_ns]
        return self._ends[-1]


class _Timed(Passing):
    """Passes on a receiver's batches and notes the seconds from release to release.

    What a release itself takes is left out: a ring that nobody else fills may be filled in it.
    """

    def __init__(self, receiver: Receiver, seconds: list[float]) -> None:
        super().__init__(receiver)
        self.receive = receiver.receive
        self._seconds = seconds
        self._since = perf_counter()

    def release(self) -> None:
        self._seconds.append(perf_counter() - self._since)
        self._receiver.release()
        self._since = perf_counter()


class _Watched(Passing):
    """Passes on a receiver's batches and notes when each was done with.

    It looks for a batch instead of waiting for one: a task that waits would have to be woken,
    which no term of the model holds.

    Attributes
    ----------
    events, ended_ns : list of int
        Of each batch: its size, and when its last handler returned.
    """

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(receiver)
        self.events: list[int] = []
        self.ended_ns: list[int] = []

    async def receive(self) -> Batch:
        for _ in range(_LOOKS):
            if self._receiver.waiting:
                break
            await asyncio.sleep(0)
        batch = await self._receiver.receive()
        self.events.append(len(batch))
        return batch

    def release(self) -> None:
        self.ended_ns.append(now_ns())
        self._receiver.release()
