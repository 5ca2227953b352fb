"""Dispatcher: calls sync and async handlers, times them, and survives their errors."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.instruments import Instruments
from cython_core import EVENT, RecordType, native_handler, now_ns
from cython_core.routing.native import NativeCalls, NativeHandler
from cython_core.ticks.tick import Tick

Indices = npt.NDArray[np.uint32]
#: Called once for each batch and topic, with the batch and the positions of the topic's
#: events in it: views, valid until the handler returns, or is awaited to its end.
AnyHandler = Callable[[Batch, Indices], Any]


class Dispatcher:
    """Registers handlers, and awaits those that are async; isolates and times them.

    Parameters
    ----------
    tick : cython_core.ticks.tick.Tick
        Which routes, and calls the sync handlers that are registered here.
    instruments : Instruments
        Where calls, events and times are counted.
    report : callable
        Given topic, handler and error, for every handler call that raised; it counts.
    record : RecordType, optional
        What native handlers are shown.

    Attributes
    ----------
    running : set of asyncio.Task
        In which async handlers run now.
    """

    def __init__(
        self,
        tick: Tick,
        instruments: Instruments,
        report: Callable[[int, AnyHandler, BaseException], None],
        record: RecordType = EVENT,
    ) -> None:
        self._tick = tick
        self._instruments = instruments
        self._fail = report
        self.running: set[asyncio.Task[Any] | None] = set()
        # Replaced, not appended to: a handler may register another in the middle of a tick.
        self._calls: tuple[tuple[int, AnyHandler], ...] = ()
        self._async_calls: tuple[tuple[int, AnyHandler], ...] = ()
        self._native_calls: tuple[tuple[int, NativeHandler], ...] = ()
        self._natives: NativeCalls | None = None
        self._record = record

    def on(self, topics: Iterable[int], handler: Any) -> None:
        """Also call `handler` for every batch and topic of these that it has events of.

        Raises
        ------
        ValueError
            If there is no such topic, or `handler` cannot be called, or is a C function of another
            signature.
        """
        native = native_handler(handler)
        if native is None and not callable(handler):
            raise ValueError(f"a handler is called with batch and indices, not {handler!r}")
        calls = tuple((topic, handler) for topic in topics)
        for topic, _ in calls:
            if not 0 <= topic < self._tick.routed.topics:
                last = self._tick.routed.topics - 1
                raise ValueError(f"topic {topic} is not among 0 to {last}")
        if native is not None:
            self._native_calls += tuple((topic, native) for topic, _ in calls)
            count = self._tick.routed.topics
            self._natives = NativeCalls(self._native_calls, count, self._record)
            self._tick.call(self._calls, not self.waits, self._natives)
            return
        target = handler if inspect.isroutine(handler) else type(handler).__call__
        if inspect.iscoroutinefunction(target):
            self._async_calls += calls
        else:
            self._calls += calls
        self._tick.call(self._calls, not self.waits, self._natives)

    @property
    def waits(self) -> bool:
        """Whether any handler is async, so that a tick outlasts the sync ones."""
        return bool(self._async_calls)

    async def wait(self, batch: Batch, handled: Callable[[], None]) -> None:
        """Call the async handlers of every topic of the batch just routed, and await them all.

        A handler's task that somebody cancels is that handler's failure. If the task that waits
        here is cancelled, so are the handlers; their failures are reported all the same.

        Parameters
        ----------
        batch : numpy.ndarray
        handled : callable
            Called when all have returned, or failed by themselves: also where the task that waits
            is cancelled in that moment.
        """
        bounds = self._tick.routed.offsets.tolist()
        indices = self._tick.routed.indices
        calls = [call for call in self._async_calls if bounds[call[0]] != bounds[call[0] + 1]]
        create = asyncio.get_running_loop().create_task
        tasks = [
            create(self._run(topic, handler, batch, indices[bounds[topic] : bounds[topic + 1]]))
            for topic, handler in calls
        ]
        try:
            # Outcomes, not a raise: what one handler does must neither end nor hide the others.
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError as error:
            for (topic, handler), task in zip(calls, tasks, strict=True):
                if failed := error if task.cancelled() else task.exception():
                    self._fail(topic, handler, failed)
            if not any(task.cancelled() for task in tasks):
                handled()
            raise
        for (topic, handler), outcome in zip(calls, outcomes, strict=True):
            if outcome is not None:
                self._fail(topic, handler, outcome)
        handled()

    async def _run(self, topic: int, handler: AnyHandler, batch: Batch, indices: Indices) -> None:
        seen, task = self._instruments, asyncio.current_task()
        self.running.add(task)
        before = now_ns()
        try:
            await handler(batch, indices)
        finally:
            self.running.discard(task)
            seen.calls[topic] += 1
            seen.handled[topic] += len(indices)
            seen.handler_ns[topic] += now_ns() - before
