"""Passes: batches through the stages of one thread, plain or with two clock reads a stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from aethermodel.pipelines.runtime.runtime import Runtime, StageError, failed

#: Figures that are the clock's, at a stage and at the loop's turn.
CLOCKS = ("clock", "clock_loop")
#: A stage's call, and whether it is a coroutine function's.
Step = tuple[Callable[..., Any], bool]
#: Passes of empty stages, of which the cost of the clock is the median.
_EMPTY_PASSES = 400


@dataclass(frozen=True)
class ClockCost:
    """What two reads of the clock add to a stage, in seconds.

    Attributes
    ----------
    call, release : float
        To the call, and to the giving back of what it was given.
    """

    call: float
    release: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.call + self.release


class Places:
    """Stamps of each batch inside the whole: when stages began and ended, one after the other.

    After a stage what it was given is given back: that counts for the stage that made it.
    """

    def __init__(self) -> None:
        self._stamps: list[list[float]] = []
        self._turns: list[float] = []

    def note(self, stamps: list[float], turn: float = 0.0) -> None:
        """Add a batch: the begin, of each stage its end and what follows, and the last."""
        self._stamps.append(stamps)
        self._turns.append(turn)

    def seconds(
        self, names: Sequence[str], cost: ClockCost, *, loop: bool, robust: bool
    ) -> dict[str, float]:
        """Return seconds a batch of each stage, the clock's own cost taken off.

        Parameters
        ----------
        names : sequence of str
            Of the stages.
        cost : ClockCost
        loop : bool
            Whether there is an event loop, whose turn is a term too.
        robust : bool
            Medians over the batches, else means: of one slice, as a stage that is timed alone.
        """
        if not self._stamps:
            return {}
        centre = np.median if robust else np.mean
        found = {}
        if names:
            steps = np.diff(np.array(self._stamps))
            calls, freed = steps[:, 0:-1:2], steps[:, 1:-1:2]
            # Given back after the next one; by the last after itself.
            after = np.column_stack([freed[:, 1:], steps[:, -1]])
            middle = centre(calls + after, axis=0) - cost.seconds
            found = dict(zip(names, middle.tolist(), strict=True))
        if loop:
            found["loop"] = max(float(centre(self._turns)) - cost.release, 0.0)
        return found


def pass_batch(calls: Sequence[Callable[..., Any]], batch: Any) -> Any:
    """Return what the stages make of a batch."""
    for call in calls:
        made = call(batch)
        if made is not None:
            batch = made
    return batch


async def pass_waiting(steps: Sequence[Step], batch: Any) -> Any:
    """Return what the stages make of a batch, some of which wait."""
    for call, waiting in steps:
        made = call(batch)
        if waiting:
            made = await made
        if made is not None:
            batch = made
    return batch


def pass_timed(
    calls: Sequence[Callable[..., Any]], batch: Any, stamps: list[float], keep: bool = True
) -> Any:
    """Return what the stages make of a batch, and note when each began and ended.

    Parameters
    ----------
    calls : sequence of callable
    batch : object
    stamps : list of float
        Appended to.
    keep : bool
        Whether what they make is needed; else it is given back, in the time of the last stage.
    """
    stamp = stamps.append
    stamp(perf_counter())
    for call in calls:
        made = call(batch)
        stamp(perf_counter())
        if made is not None:
            batch = made
        made = None
        stamp(perf_counter())
    if not keep:
        batch = None
    stamp(perf_counter())
    return batch


async def pass_waiting_timed(
    steps: Sequence[Step], batch: Any, stamps: list[float], keep: bool = True
) -> Any:
    """Return what the stages make of a batch, and note when each began and ended."""
    stamp = stamps.append
    stamp(perf_counter())
    for call, waiting in steps:
        made = call(batch)
        if waiting:
            made = await made
        stamp(perf_counter())
        if made is not None:
            batch = made
        made = None
        stamp(perf_counter())
    if not keep:
        batch = None
    stamp(perf_counter())
    return batch


def clock_cost() -> ClockCost:
    """Measure what the two reads of the clock add: passes of empty stages, less their calls."""

    def empty(batch: Any) -> None: ...

    calls, three = [empty] * 3, range(1, 3)
    begins, frees = [], []
    for _ in range(_EMPTY_PASSES):
        stamps: list[float] = []
        pass_timed(calls, None, stamps)
        begins += [stamps[2 * i + 1] - stamps[2 * i] for i in three]
        frees += [stamps[2 * i + 2] - stamps[2 * i + 1] for i in three]
    alone = []
    for _ in range(_EMPTY_PASSES // 10):
        start = perf_counter()
        for batch in (None,) * 50:
            empty(batch)
        alone.append((perf_counter() - start) / 50)
    return ClockCost(max(median(begins) - median(alone), 0.0), max(median(frees), 0.0))


class StagePass:
    """Batches through the stages of one thread.

    Parameters
    ----------
    runtime : Runtime
    timed : bool
        Whether each stage is timed in place.
    keep : bool
        Whether what the stages make goes on to others.

    Attributes
    ----------
    places : Places
    """

    def __init__(self, runtime: Runtime, *, timed: bool, keep: bool) -> None:
        self.runtime, self.timed, self.keep = runtime, timed, keep
        self.places = Places()
        # A loop that a resource alone uses has no turns between batches.
        self.waits = any(runtime.waits)
        self._steps = list(zip(runtime.calls, runtime.waits, strict=True))

    def in_place(self, cost: ClockCost, *, robust: bool) -> dict[str, float]:
        """Return seconds a batch of each stage, of the loop's turn, and of the clock.

        That is ``clock`` at each stage, and ``clock_loop`` at the loop's turn, read once less.

        Parameters
        ----------
        cost : ClockCost
        robust : bool
            Medians over the batches, of a stream that is not cut in slices; else means.
        """
        names = [stage.name for stage in self.runtime.stages]
        found = self.places.seconds(names, cost, loop=self.waits, robust=robust)
        if not found:
            return {}
        clock = {"clock": cost.seconds}
        return found | clock | ({"clock_loop": cost.release} if self.waits else {})

    def one(self, batch: Any) -> Any:
        """Pass one batch; of stages that do not wait."""
        if not self.timed:
            return pass_batch(self.runtime.calls, batch)
        stamps: list[float] = []
        made = pass_timed(self.runtime.calls, batch, stamps, self.keep)
        self.places.note(stamps)
        return made

    async def one_waiting(self, batch: Any) -> Any:
        """Pass one batch, and give the event loop its turn."""
        if not self.timed:
            made = await pass_waiting(self._steps, batch)
            await asyncio.sleep(0)
            return made
        stamps: list[float] = []
        made = await pass_waiting_timed(self._steps, batch, stamps, self.keep)
        await asyncio.sleep(0)
        end = perf_counter()
        self.places.note(stamps, end - stamps[-1])
        return made

    def all(self, batches: Sequence[Any]) -> float:
        """Pass batches one after the other; return their seconds."""
        return self.runtime.run(self.all_waiting(batches))

    async def all_waiting(self, batches: Sequence[Any]) -> float:
        """Pass batches one after the other, in the event loop that runs; return their seconds."""
        if self.waits:
            return await self._all_with_turns(batches)
        start = perf_counter()
        if self.timed:
            for batch in batches:
                self.one(batch)
            return perf_counter() - start
        calls = self.runtime.calls
        for item in batches:
            batch = item
            for call in calls:
                made = call(batch)
                if made is not None:
                    batch = made
        batch = made = None
        return perf_counter() - start

    async def _all_with_turns(self, batches: Sequence[Any]) -> float:
        start = perf_counter()
        if self.timed:
            for batch in batches:
                await self.one_waiting(batch)
            return perf_counter() - start
        for item in batches:
            batch = item
            for call, waiting in self._steps:
                made = call(batch)
                if waiting:
                    made = await made
                if made is not None:
                    batch = made
            await asyncio.sleep(0)
        batch = made = None
        return perf_counter() - start

    def failure(self, error: Exception, n: int) -> StageError:
        """Return the refusal of the stage that an error came from."""
        return failure_of(self.runtime, error, n)


def failure_of(runtime: Runtime, error: BaseException, n: int) -> StageError:
    """Return the refusal of the stage that an error came from, by the frame that called it."""
    trace, at = error.__traceback__, ""
    while trace:
        call = trace.tb_frame.f_locals.get("call")
        if trace.tb_frame.f_globals.get("__package__") == __package__ and call in runtime.calls:
            at = runtime.stages[runtime.calls.index(call)].name
        trace = trace.tb_next
    return failed(at or "whole", n, error)
