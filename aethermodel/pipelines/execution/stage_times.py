"""Times of a stage alone, back to back, on batches as it would get them, made outside the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

from aethermodel.measure.host.slices import Slice
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stream_slices import stream_slices
from aethermodel.pipelines.runtime.runtime import Runtime, failed, made_batch


class BusyTime:
    """CPU seconds of this process for what is timed."""

    def __init__(self) -> None:
        self._seconds, self._loops = 0.0, 0

    @contextmanager
    def of(self, loops: int) -> Iterator[None]:
        """Add what so many operations within the block take."""
        begin = process_time()
        yield
        self._seconds += process_time() - begin
        self._loops += loops

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return the CPU seconds of an operation since the last call."""
        found = {"cpu": self._seconds / self._loops} if self._loops else {}
        self._seconds, self._loops = 0.0, 0
        return found


class StageTimer:
    """One stage, called back to back: it has the caches to itself.

    Parameters
    ----------
    runtime : Runtime
        Of this stage and those before it.
    name : str
        Of the stage.
    n : int
        Records of a batch of the source.
    """

    def __init__(self, runtime: Runtime, name: str, n: int) -> None:
        pipeline = runtime.pipeline
        at = [stage.name for stage in runtime.stages].index(name)
        self.runtime = runtime
        self.name, self.n, self.at = name, n, at
        self._clock = BusyTime()

        def make(seed: int) -> Any:
            batch = made_batch(pipeline, n, seed)
            for index in range(at):
                batch = self._step(index, batch)
            return batch

        self.inputs = Inputs(make, lambda batch: self._step(at, batch), pipeline.pool)

    def _step(self, index: int, batch: Any) -> Any:
        try:
            return self.runtime.step(index, batch)
        except Exception as error:
            raise failed(self.runtime.stages[index].name, self.n, error) from error

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many calls, what they return given back included."""
        try:
            return sum(
                self.runtime.run(self._seconds_of(batches)) for batches in self.inputs.chunks(loops)
            )
        except Exception as error:
            raise failed(self.name, self.n, error) from error

    def slices(self, loops: int) -> list[Slice]:
        """Call it so often; return slices of the seconds."""
        try:
            return stream_slices(self.runtime, self.inputs, loops, self._seconds_of)
        except Exception as error:
            raise failed(self.name, self.n, error) from error

    async def _seconds_of(self, batches: Sequence[Any]) -> float:
        call, waits = self.runtime.calls[self.at], self.runtime.waits[self.at]
        with self._clock.of(len(batches)):
            return await _awaited(call, batches) if waits else _called(call, batches)

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return the CPU seconds of a call."""
        return self._clock.figures(kept)


def _called(call: Callable[[Any], Any], batches: Sequence[Any]) -> float:
    start = perf_counter()
    for batch in batches:
        made = call(batch)
    del made
    return perf_counter() - start


async def _awaited(call: Callable[[Any], Any], batches: Sequence[Any]) -> float:
    start = perf_counter()
    for batch in batches:
        made = await call(batch)
    del made
    return perf_counter() - start
