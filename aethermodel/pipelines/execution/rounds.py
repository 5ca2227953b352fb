"""Rounds of a thread, one term of which is timed by itself while the others run outside the clock.

A stage that is called back to back finds its code, its data and the caches as its own last call
left them. In a pipeline the other stages have used them since, and the one before it has just made
its batch. So all of them run, in their order, and the clock reads around one of them alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from aethermodel.measure.host.slices import Slice
from aethermodel.pipelines.execution.passes import failure_of
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stream_slices import stream_slices
from aethermodel.pipelines.runtime.runtime import Runtime


class RoundTimer:
    """One stage of a thread, or the turn of its event loop.

    Parameters
    ----------
    runtime : Runtime
        Of all stages.
    thread : range
        Places of the thread's stages in the runtime.
    at : int or None
        Place of the stage that is timed; None: the loop's turn.
    n : int
        Records of a batch of the source.
    inputs : Inputs
        Batches as they come to the thread.
    receive, hand_on : callable, optional
        What makes a batch of what came, and what is done with it at the end, outside the clock.
    """

    def __init__(
        self,
        runtime: Runtime,
        thread: range,
        at: int | None,
        n: int,
        inputs: Inputs,
        receive: Callable[[Any], Any] | None = None,
        hand_on: Callable[[Any], object] | None = None,
    ) -> None:
        self.runtime, self.n, self.inputs = runtime, n, inputs
        steps = [(runtime.calls[index], runtime.waits[index]) for index in thread]
        place = len(steps) if at is None else thread.index(at)
        self._before, self._timed = steps[:place], steps[place : place + 1]
        self._after = steps[place + 1 :]
        self._turns = any(waiting for _, waiting in steps)
        self._receive, self._hand_on = receive, hand_on

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many rounds, all stages included: what a sample has to last."""
        begin = perf_counter()
        self._run(loops)
        return perf_counter() - begin

    def slices(self, loops: int) -> list[Slice]:
        """Run so many rounds; return slices of the seconds of what is timed."""
        try:
            return stream_slices(self.runtime, self.inputs, loops, self._rounds)
        except Exception as error:
            raise failure_of(self.runtime, error, self.n) from error

    def _run(self, loops: int) -> None:
        try:
            for batches in self.inputs.chunks(loops):
                self.runtime.run(self._rounds(batches))
        except Exception as error:
            raise failure_of(self.runtime, error, self.n) from error

    async def _rounds(self, batches: Sequence[Any]) -> float:
        clock, receive = perf_counter, self._receive
        total = 0.0
        for item in batches:
            batch = receive(item) if receive else item
            for call, waiting in self._before:
                made = call(batch)
                if waiting:
                    made = await made
                if made is not None:
                    batch = made
            kept: list[Any] = []
            for call, waiting in self._timed:
                clock()  # one more than needed: the next two then cost what a read costs here
                ready = clock()
                begin = clock()
                made = call(batch)
                if waiting:
                    made = await made
                end = clock()
                total += end - begin - (begin - ready)
                if made is not None:
                    batch = made
                    kept.append(made)
            for call, waiting in self._after:
                made = call(batch)
                if waiting:
                    made = await made
                if made is not None:
                    batch = made
                    total += _giving_back(kept)
            if self._hand_on:
                self._hand_on(batch)
            batch = made = None
            total += _giving_back(kept)
            if self._turns and self._timed:
                await asyncio.sleep(0)
            elif self._turns:
                clock()
                ready = clock()
                begin = clock()
                await asyncio.sleep(0)
                end = clock()
                total += end - begin - (begin - ready)
        return max(total, 1e-9 * len(batches))


def _giving_back(kept: list[Any]) -> float:
    """Give back what a stage made, which is its time too; return the seconds."""
    if not kept:
        return 0.0
    perf_counter()
    ready = perf_counter()
    begin = perf_counter()
    kept.clear()
    return perf_counter() - begin - (begin - ready)
