"""Times of a hand-over isolated, and how far threads of one process overlap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from time import perf_counter

from aethermodel.measure.harness.processes.child_processes import end, start
from aethermodel.pipelines.execution.batch_queues import ProcessLink, ThreadLink
from aethermodel.pipelines.execution.passes import pass_batch
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stage_times import BusyTime
from aethermodel.pipelines.runtime.packed_batches import packed
from aethermodel.pipelines.runtime.runtime import Runtime

# Seconds that threads run side by side, at least.
_WINDOW = 0.02


class ThreadHandover:
    """A stream of batches from one thread to the next, which does nothing with them."""

    def __init__(self, inputs: Inputs, depth: int) -> None:
        self._inputs, self._depth = inputs, depth

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches, those of both threads together."""
        link, batches = ThreadLink(self._depth), self._inputs.take(loops + 1)
        begun: list[float] = []

        def drain() -> None:
            link.receive()
            begun.append(perf_counter())
            for _ in range(loops):
                link.receive()
            begun.append(perf_counter())

        other = threading.Thread(target=drain)
        other.start()
        for batch in batches:
            link.send(batch)
        other.join()
        return begun[1] - begun[0]

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return nothing: all of it is work."""
        return {}


class _Partner:
    """A process at the other end of a link."""

    def __init__(self, target: Callable[..., None], own: str) -> None:
        link = ProcessLink.new()
        self.orders, theirs = Pipe()
        self.link = link
        sends = own == "sender"
        self._child = start(target, link.reader if sends else link.writer, theirs)
        theirs.close()
        link.let_go(sender=not sends, receiver=sends)

    def close(self) -> None:
        """End it; idempotent."""
        self.orders.close()
        self.link.let_go(sender=True, receiver=True)
        end(self._child)


class Sending:
    """What a batch costs whoever sends it to a process; the other end only drains the pipe.

    Raises
    ------
    StageError
        If it cannot be pickled.
    """

    def __init__(self, inputs: Inputs, stage: str, n: int) -> None:
        self._inputs = inputs
        packed(inputs.take(1)[0], stage, n)
        self._partner = _Partner(_drain, "sender")
        self._clock = BusyTime()
        self.figures = self._clock.figures
        self.close = self._partner.close

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        total, link = 0.0, self._partner.link
        for batches in self._inputs.chunks(loops):
            with self._clock.of(len(batches)):
                begin = perf_counter()
                for batch in batches:
                    link.send(batch)
                total += perf_counter() - begin
        return total


class Receiving:
    """What a batch costs a process that receives it; the other end has it pickled already."""

    def __init__(self, inputs: Inputs, stage: str, n: int) -> None:
        self._content = packed(inputs.take(1)[0], stage, n)
        self._partner = _Partner(_repeat, "receiver")
        self._partner.orders.send_bytes(self._content)
        self._clock = BusyTime()
        self.figures = self._clock.figures
        self.close = self._partner.close

    def __call__(self, loops: int) -> float:
        """Return the seconds of so many batches."""
        link = self._partner.link
        self._partner.orders.send(loops + 1)
        link.receive()
        with self._clock.of(loops):
            begin = perf_counter()
            for _ in range(loops):
                link.receive()
            return perf_counter() - begin


def _drain(reader: Connection, orders: Connection) -> None:
    try:
        while True:
            reader.recv_bytes()
    except (EOFError, OSError):
        pass


def _repeat(writer: Connection, orders: Connection) -> None:
    try:
        content = orders.recv_bytes()
        while True:
            for _ in range(orders.recv()):
                writer.send_bytes(content)
    except (EOFError, OSError):
        pass


class Overlap:
    """How far groups of one process hold each other up: its seconds are those side by side.

    Parameters
    ----------
    runs : list of (Runtime, Inputs)
        Stages of each group, and the batches that it gets.
    """

    def __init__(self, runs: list[tuple[Runtime, Inputs]]) -> None:
        self._runs = runs
        self._gil: list[float] = []

    def __call__(self, loops: int) -> float:
        """Run each alone, then all side by side, for as long; return the seconds of that."""
        alone = [_passes(runtime, inputs, _WINDOW) for runtime, inputs in self._runs]
        each = [seconds / passes for passes, seconds in alone]
        found: list[tuple[int, float]] = [(0, 1.0)] * len(self._runs)

        def beside(index: int) -> None:
            found[index] = _passes(*self._runs[index], max(_WINDOW, 4 * max(each)))

        threads = [threading.Thread(target=beside, args=(i,)) for i in range(len(self._runs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Work done a second, in units of what one of them does alone.
        done = sum(n * e / s for (n, s), e in zip(found, each, strict=True))
        self._gil.append(min(max((len(found) - done) / (len(found) - 1), 0.0), 1.0))
        return loops * max(seconds for _, seconds in found)

    def figures(self, kept: Sequence[int]) -> dict[str, float]:
        """Return the share of their time that they hold each other up: 1 where one runs at once."""
        found, self._gil = self._gil, []
        return {"gil": sum(found) / len(found)} if found else {}


def _passes(runtime: Runtime, inputs: Inputs, seconds: float) -> tuple[int, float]:
    """Pass batches through stages for so long; return how many, and the seconds."""
    passes, begin = 0, perf_counter()
    while (taken := perf_counter() - begin) < seconds or not passes:
        (batch,) = inputs.take(1)
        if runtime.loop is not None:
            for index in range(len(runtime.stages)):
                batch = runtime.step(index, batch)
        else:
            pass_batch(runtime.calls, batch)
        passes += 1
    return passes, taken
