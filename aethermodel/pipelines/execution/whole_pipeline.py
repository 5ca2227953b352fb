"""Whole: a pipeline as it runs, its batches one after the other through all its groups."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.host.contention import glance
from aethermodel.measure.host.slices import Slice
from aethermodel.pipelines.execution.batch_queues import sender_link
from aethermodel.pipelines.execution.passes import StagePass, clock_cost, failure_of
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stream_slices import stream_slices
from aethermodel.pipelines.execution.workers import Crew, Failed, Order, Report
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.runtime.runtime import Runtime, StageError, made_batch

# Batches that fill the pipeline before those that count, for each of its workers.
_FILL = 4


class Whole:
    """A pipeline that runs in this process and those of its groups.

    Parameters
    ----------
    pipeline : Pipeline
    runtime : Runtime, optional
        Of the stages that the feeding thread runs; opened here by default.
    """

    def __init__(self, pipeline: Pipeline, runtime: Runtime | None = None) -> None:
        self.pipeline = pipeline
        first = pipeline.groups()[0].own
        self.runtime = runtime or Runtime(pipeline, first)
        self.several = any(group.own for group in pipeline.groups()[1:])
        self.crew = Crew(pipeline) if self.several else None
        self.cost = clock_cost()

    def close(self) -> None:
        """End its workers and give back its resources; idempotent."""
        if self.crew:
            self.crew.close()
        self.runtime.close()

    def timer(self, n: int, *, timed: bool) -> WholeTimer | PipelinedTimer:
        """Return what times batches of n records."""
        if self.crew:
            return PipelinedTimer(self, n, timed=timed)
        return WholeTimer(self, n, timed=timed)


class WholeTimer:
    """All stages in one thread, one batch after the other: ``loops -> seconds``."""

    def __init__(self, whole: Whole, n: int, *, timed: bool) -> None:
        self.whole, self.n, self.timed = whole, n, timed
        self._taken: list[StagePass] = []
        pipeline = whole.pipeline
        check = StagePass(whole.runtime, timed=False, keep=False)

        def once(batch: Any) -> None:
            try:
                check.all([batch])
            except Exception as error:
                raise check.failure(error, n) from error

        self.inputs = Inputs(lambda seed: made_batch(pipeline, n, seed), once, pipeline.pool)

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        total, passing = 0.0, StagePass(self.whole.runtime, timed=self.timed, keep=False)
        try:
            for batches in self.inputs.chunks(loops):
                total += passing.all(batches)
        except StageError:
            raise
        except Exception as error:
            raise passing.failure(error, self.n) from error
        return total

    def slices(self, loops: int) -> list[Slice]:
        """Run so many batches; return slices of their seconds."""
        passes: list[StagePass] = []

        async def seconds_of(batches: Sequence[Any]) -> float:
            passes.append(StagePass(self.whole.runtime, timed=self.timed, keep=False))
            return await passes[-1].all_waiting(batches)

        try:
            found = stream_slices(self.whole.runtime, self.inputs, loops, seconds_of)
        except Exception as error:
            raise failure_of(self.whole.runtime, error, self.n) from error
        self._taken = passes[-len(found) :]
        return found

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return seconds a batch of each stage in place, in the slices since the last look.

        Parameters
        ----------
        kept : sequence of int
            Which of those slices count.
        """
        taken, self._taken = self._taken, []
        together: dict[str, list[float]] = {}
        for index in kept if self.timed else ():
            for name, seconds in taken[index].in_place(self.whole.cost, robust=False).items():
                together.setdefault(name, []).append(seconds)
        return {name: median(values) for name, values in together.items()}


class PipelinedTimer:
    """Groups in threads and processes: a stream, timed from batch done to batch done.

    Attributes
    ----------
    last : list of list of Report
        Of the workers of each group, in the last run.
    """

    def __init__(self, whole: Whole, n: int, *, timed: bool) -> None:
        assert whole.crew is not None
        self.whole, self.n, self.timed = whole, n, timed
        self.crew = whole.crew
        self.inputs = Inputs(
            lambda seed: made_batch(whole.pipeline, n, seed), lambda _: None, whole.pipeline.pool
        )
        # What the stages do to a batch is seen in the thread that feeds alone.
        self.inputs.used_up = self.inputs.used_up or self._changes()
        self._found: dict[str, float] = {}

    @property
    def _threads(self) -> bool:
        return any(group.place == "thread" for group in self.crew.groups)

    def _changes(self) -> bool:
        return bool(self.whole.runtime.stages) or self._threads

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        taken = self.slices(loops)
        return sum(one.seconds for one in taken) * loops / sum(one.loops for one in taken)

    def slices(self, loops: int) -> list[Slice]:
        """Run so many batches after those that fill the pipeline; return them in slices."""
        workers = sum(group.workers for group in self.crew.groups)
        fill = _FILL * workers
        core = glance()
        done, reports = self._stream(fill + loops)
        core = max(core, glance())
        self._found = self._figures(reports)
        # Threads of one interpreter take turns of milliseconds: only the mean says anything.
        least = inf if self._threads else thresholds.SLICE_SECONDS
        return cut(done[fill - 1 :], core, least)

    def scheduled(self, due: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Feed batches when they are due; return when each was done, both from the start.

        Parameters
        ----------
        due : ndarray, shape (batches,)
            Seconds.
        """
        begin, reports = self._fed(due.size, due.tolist())
        done = np.empty(due.size)
        last = reports[-1]
        for number, report in enumerate(last):
            done[number :: len(last)] = np.array(report.done_ns) / 1e9 - begin
        return done

    def _stream(self, batches: int) -> tuple[list[int], list[list[Report]]]:
        _, reports = self._fed(batches, None)
        return sorted(at for report in reports[-1] for at in report.done_ns), reports

    def _fed(self, batches: int, due: list[float] | None) -> tuple[float, list[list[Report]]]:
        made = self.inputs.take(batches)
        self.crew.order(Order(batches, self.n, self.timed))
        passing = StagePass(self.whole.runtime, timed=self.timed, keep=True)
        failure: Exception | None = None
        begin = perf_counter()
        try:
            if passing.waits:
                self.whole.runtime.run(self._feed_waiting(passing, made, due, begin))
            else:
                for index, batch in enumerate(made):
                    if due is not None:
                        while perf_counter() - begin < due[index]:
                            sleep(0)  # the other threads have the interpreter meanwhile
                    sender_link(self.crew.feed, index).send(self._passed(passing, batch))
        except (BrokenPipeError, ConnectionResetError) as error:
            failure = error
        reports = self.crew.reports()
        if failure is not None:
            raise InputError(f"a worker's process has ended ({failure})")
        self._own = passing.in_place(self.whole.cost, robust=True) if self.timed else {}
        return begin, reports

    def _passed(self, passing: StagePass, batch: Any) -> Any:
        try:
            return passing.one(batch)
        except Exception as error:
            return Failed(str(passing.failure(error, self.n)))

    async def _feed_waiting(
        self, passing: StagePass, made: list[Any], due: list[float] | None, begin: float
    ) -> None:
        for index, batch in enumerate(made):
            while due is not None and perf_counter() - begin < due[index]:
                await asyncio.sleep(0)
            sender_link(self.crew.feed, index).send(await passing.one_waiting(batch))

    def _figures(self, reports: list[list[Report]]) -> dict[str, float]:
        cost = self.whole.cost
        found = {"clock": cost.seconds, "clock_loop": cost.release} | self._own
        for group in reports:
            seen = [report.places for report in group if report.places]
            for name in seen[0] if seen else ():
                mean = sum(places[name] for places in seen) / len(seen)
                found[name] = mean if name != "loop" else found.get("loop", 0.0) + mean
        return found

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return seconds a batch of each stage in place, and of the clock at each."""
        found, self._found = self._found, {}
        return found if self.timed else {}


def cut(done_ns: list[int], core: float, least: float) -> list[Slice]:
    """Cut a stream into slices of so many seconds at least; what is left belongs to the last."""
    taken: list[Slice] = []
    since, batches = done_ns[0], 0
    for at in done_ns[1:]:
        batches += 1
        seconds = (at - since) / 1e9
        if seconds >= least:
            taken.append(Slice(batches, seconds, core))
            since, batches = at, 0
    if batches or not taken:
        rest = (done_ns[-1] - since) / 1e9
        last = taken.pop() if taken else Slice(0, 0.0, core)
        taken.append(Slice(last.loops + batches, max(last.seconds + rest, 1e-9), core))
    return taken
