"""Load on a pipeline: batches that are due by a schedule, whatever the pipeline is doing.

What is late counts from when it was due, so that a stall is in the figures of all that it held up.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, replace
from time import perf_counter, process_time
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.measure.host.core_losses import CoreLosses, beyond_usual
from aethermodel.measure.host.jitter import Watch, pace_of, watch, watch_ticks
from aethermodel.measure.host.run_queue import RunQueue, descendants
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.model.queueing.catch_up import held_up
from aethermodel.pipelines.execution.passes import StagePass
from aethermodel.pipelines.execution.whole_pipeline import PipelinedTimer, Whole, WholeTimer
from aethermodel.pipelines.pipeline_file import load_pipeline

Floats = npt.NDArray[np.float64]
# Seconds in which the host is looked at before and after a run, at least, and as a share of it:
# where P99 hangs on the pauses, as many have to be seen as there are in the run.
_WATCH_SECONDS, _WATCH_SHARE = 0.1, 0.5
# Batches without a pause between two looks at the core, and the seconds of them.
_FEWEST_IN_A_ROW, _ROW_SECONDS = 4, 2e-3
# Batches that tell the capacity, at least.
_CAPACITY_BATCHES = 20
_CAPACITY_SECONDS = 0.2
# Seconds of a run at the lowest load, where not told otherwise; and batches at least and at most.
_RUN_SECONDS = 2.0
_FEWEST, _MOST = 500, 40_000
# Times the schedules themselves, after which no run is repeated.
_LONGEST_TIMES = 2.0


@dataclass(frozen=True)
class LoadedRun:
    """One run.

    Attributes
    ----------
    due, latencies : ndarray, shape (batches,)
        Seconds from the start, and from when a batch was due until it was done.
    noise : Noise
    around : tuple of Watch
        What the host gave before and after it.
    away : float
        Share of the time that the process was off its core; 0 where it waits for others.
    disturbed : bool
        Whether time was stolen meanwhile, or the core taken away: more often than it always is,
        or for longer than P99 can bear. Of a run that knows which batches were left alone: whether
        those are too few.
    held_up : ndarray, shape (batches,), optional
        Share of a batch's usual time that others took of the cores since the queue was last empty;
        None where nobody knows.
    """

    due: Floats
    latencies: Floats
    noise: Noise
    around: tuple[Watch, Watch]
    away: float = 0.0
    disturbed: bool = False
    held_up: Floats | None = None

    @property
    def left_alone(self) -> npt.NDArray[np.bool_] | None:
        """Which batches nobody else held up; None where nobody knows, or where they are few."""
        if self.held_up is None:
            return None
        found = np.asarray(self.held_up <= thresholds.HELD_UP)
        least = max(thresholds.LEFT_ALONE_BATCHES, thresholds.CALM_SHARE_OF_A_RUN * found.size)
        return found if found.sum() >= least else None

    @property
    def switches_per_second(self) -> float:
        """How often the core was taken away."""
        return self.noise.switches / max(float(self.due[-1]), 1e-9)

    def judged(self, least: float) -> LoadedRun:
        """Return it marked by the fewest switches a second of any run.

        What runs beside a server or a client is always switched: only more than that disturbs.
        """
        if self.left_alone is not None:
            return replace(self, disturbed=False)
        often = self.switches_per_second > thresholds.PREEMPTED_TIMES * least
        away = self.away > thresholds.AWAY_SHARE
        return replace(self, disturbed=often or away or self.noise.stolen_seconds > 0)


class Loaded:
    """A pipeline that takes batches of one size by a schedule.

    Parameters
    ----------
    whole : Whole
    n : int
        Records of a batch.
    """

    def __init__(self, whole: Whole, n: int) -> None:
        self.whole, self.n = whole, n
        self.timer = whole.timer(n, timed=False)
        self._queue = RunQueue(descendants(os.getpid()))
        self._each = 0.0

    def capacity(self) -> float:
        """Return the batches a second that it carries when there are always enough."""
        each = self.timer(_CAPACITY_BATCHES) / _CAPACITY_BATCHES
        if isinstance(self.timer, WholeTimer):
            # Of what others took it tells nothing: that is not the process's load.
            watched = self._watch(3 * max(_CAPACITY_SECONDS, _CAPACITY_BATCHES * each))
            found = pace_of([watched], 1.0, left_alone=True).mean
        else:
            loops = max(_CAPACITY_BATCHES, int(_CAPACITY_SECONDS / each))
            found = float(np.median([loops / self.timer(loops) for _ in range(3)]))
        self._each = 1 / found
        return found

    def run(self, due: Floats) -> LoadedRun:
        """Run a schedule.

        Parameters
        ----------
        due : ndarray, shape (batches,)
            Seconds from the start, ascending.
        """
        seconds = max(_WATCH_SECONDS, _WATCH_SHARE * float(due[-1]))
        before_run = self._watch(seconds)
        before, busy, begin = Reading.now(), process_time(), perf_counter()
        losses = CoreLosses(self._queue)
        if isinstance(self.timer, WholeTimer):
            latencies = self._in_turn(self.timer, due, losses)
        else:
            latencies = self._streamed(self.timer, due)
        noise = Noise.since(before)
        share = (process_time() - busy) / (perf_counter() - begin)
        waits = 2 * (Reading.now().waits - before.waits) >= due.size
        away = 0.0 if waits else max(1 - share, 0.0)
        around = before_run, self._watch(seconds)
        return LoadedRun(
            due, latencies, noise, around, away,
            held_up=self._held_up(due, latencies, losses, around),
        )  # fmt: skip

    def _held_up(
        self, due: Floats, latencies: Floats, losses: CoreLosses, around: tuple[Watch, Watch]
    ) -> Floats | None:
        """Return the share of a batch's time by which others held up each; None if unknown."""
        # Groups beside each other wait for their own cores: nobody knows for whose.
        if not isinstance(self.timer, WholeTimer) or not self._queue.counted:
            return None
        cores = [one.core_seconds for one in around if one.core_seconds is not None]
        best = float(np.quantile(
            np.concatenate([losses.core_seconds, *cores]), thresholds.BEST_CORE_QUANTILE
        ))  # fmt: skip
        lost = beyond_usual(losses.lost(best))
        each = self._each or float(np.median(latencies))
        return held_up(due, due + latencies, lost) / each

    def _watch(self, seconds: float) -> Watch:
        timer = self.timer
        if not isinstance(timer, WholeTimer):
            return watch(seconds)
        each = timer(5) / 5
        # All due at once, and the first left out: after a pause a batch may find part of its work
        # done, as a server reads on while nothing is asked of it, or its caches cold.
        row = np.zeros(1 + max(_FEWEST_IN_A_ROW, int(_ROW_SECONDS / each)))
        losses = CoreLosses(self._queue)

        def ticks() -> Floats:
            nonlocal losses
            losses = CoreLosses(self._queue)
            return np.diff(self._in_turn(timer, row, losses))

        lost = (lambda: losses.lost()[1:]) if self._queue.counted else None
        return watch_ticks(ticks, seconds, lost)

    def _in_turn(self, timer: WholeTimer, due: Floats, losses: CoreLosses) -> Floats:
        passing = StagePass(self.whole.runtime, timed=False, keep=False)
        if passing.waits:
            return self.whole.runtime.run(self._in_turn_waiting(timer, passing, due, losses))
        done, made = np.empty(due.size), 0.0
        begin = stopped = perf_counter()
        for index, at in enumerate(due.tolist()):
            (batch,) = timer.inputs.take(1)
            losses.begin()
            # What makes a batch is no part of the pipeline, nor are looks: its clock stands still.
            made += perf_counter() - stopped
            while perf_counter() - begin - made < at:
                pass
            passing.one(batch)
            stopped = perf_counter()
            done[index] = stopped - begin - made
            losses.end()
        return np.asarray(done - due)

    async def _in_turn_waiting(
        self, timer: WholeTimer, passing: StagePass, due: Floats, losses: CoreLosses
    ) -> Floats:
        done, made = np.empty(due.size), 0.0
        begin = stopped = perf_counter()
        for index, at in enumerate(due.tolist()):
            (batch,) = timer.inputs.take(1)
            losses.begin()
            made += perf_counter() - stopped
            while perf_counter() - begin - made < at:
                await asyncio.sleep(0)
            await passing.one_waiting(batch)
            stopped = perf_counter()
            done[index] = stopped - begin - made
            losses.end()
        return np.asarray(done - due)

    def _streamed(self, timer: PipelinedTimer, due: Floats) -> Floats:
        done = timer.scheduled(due)
        return np.asarray(done - due)


def load_run(
    reference: str, n: int, loads: list[float], batches: int | None, seed: int
) -> dict[str, Any]:
    """Put loads on a pipeline in this process; return its capacity and the runs.

    Parameters
    ----------
    reference : str
    n : int
        Records of a batch.
    loads : list of float
        Shares of the capacity; the arrivals are Poisson's.
    batches : int or None
        Of a run; by default as many as this process carries in two seconds: by what it carries
        now, as a host that others use is many times slower than its calibration.
    seed : int
    """
    with redirect_stdout(sys.stderr), closing(Whole(load_pipeline(reference))) as whole:
        loaded = Loaded(whole, n)
        loaded.capacity()
        capacity = loaded.capacity()
        if batches is None:
            batches = int(np.clip(_RUN_SECONDS * min(loads) * capacity, _FEWEST, _MOST))
        rng = np.random.default_rng(seed)
        runs: list[LoadedRun] = []
        dues = [np.cumsum(rng.exponential(1 / (load * capacity), batches)) for load in loads]
        # On a host that is never left alone all retries together would take five times as long.
        until = perf_counter() + _LONGEST_TIMES * sum(float(due[-1]) for due in dues)
        with uncollected():
            for due in dues:
                runs.append(_least_disturbed(loaded, due, runs, until))
        least = min(run.switches_per_second for run in runs)
        return {"capacity": capacity, "runs": [run.judged(least) for run in runs]}


def _least_disturbed(
    loaded: Loaded, due: Floats, before: list[LoadedRun], until: float
) -> LoadedRun:
    """Run a schedule, again where it was disturbed; chosen by the kernel's counters alone."""
    tried: list[LoadedRun] = []
    while not tried or (len(tried) <= thresholds.LOAD_RETRIES and perf_counter() < until):
        gc.collect()
        tried.append(loaded.run(due))
        least = min(run.switches_per_second for run in [*before, *tried])
        if not tried[-1].judged(least).disturbed:
            break
    return min(
        tried,
        key=lambda run: (
            run.left_alone is None, run.noise.stolen_seconds, run.away, run.switches_per_second
        ),
    )  # fmt: skip
