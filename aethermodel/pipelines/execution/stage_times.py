"""Times of a stage alone, back to back, on batches as it would get them, made outside the clock."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from time import perf_counter, process_time
from typing import Any

from aethermodel.pipelines.runtime.runtime import Runtime, failed, made_batch

#: Batches that are made ahead for a stage that changes what it is given.
_AHEAD = 64


class Inputs:
    """Batches as a stage gets them.

    A stage that leaves its batch as it is gets the same few in turn; of one that changes it (seen
    by a first call) each is new.

    Parameters
    ----------
    make : callable
        ``seed -> batch``.
    use : callable
        What is done with one, to see whether it changes it.
    pool : int
    """

    def __init__(self, make: Callable[[int], Any], use: Callable[[Any], object], pool: int) -> None:
        self._make = make
        self._next = pool
        first = make(0)
        before = _content(first)
        use(first)
        self.used_up = before is None or before != _content(first)
        self._pool: Iterator[Any] = iter(())
        if not self.used_up:
            self._pool = cycle([first, *(make(seed) for seed in range(1, pool))])

    def take(self, count: int) -> list[Any]:
        """Return so many batches."""
        if not self.used_up:
            return list(islice(self._pool, count))
        self._next += count
        return [self._make(seed) for seed in range(self._next - count, self._next)]

    def chunks(self, loops: int) -> Iterator[list[Any]]:
        """Yield so many batches in parts that fit into memory."""
        most = _AHEAD if self.used_up else 4096
        while loops > 0:
            yield self.take(min(loops, most))
            loops -= most


def _content(batch: Any) -> bytes | None:
    try:
        return pickle.dumps(batch, protocol=5)
    except Exception:
        return None  # an open file, a generator: it is taken to be used up


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
        call, waits = self.runtime.calls[self.at], self.runtime.waits[self.at]
        total = 0.0
        try:
            for batches in self.inputs.chunks(loops):
                with self._clock.of(len(batches)):
                    if waits:
                        total += self.runtime.run(_awaited(call, batches))
                    else:
                        total += _called(call, batches)
        except Exception as error:
            raise failed(self.name, self.n, error) from error
        return total

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
