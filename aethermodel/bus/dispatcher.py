"""A plane whose handlers may be several a topic, async, timed, and allowed to fail."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from aethermodel.bus.instruments import Instruments
from aethermodel.bus.plane import Batch, Plane
from cython_core import Routed

Indices = npt.NDArray[np.uint32]
#: Called once for each batch and topic, with the batch and the positions of the topic's
#: events in it: views, valid until the handler returns, or is awaited to its end.
AnyHandler = Callable[[Batch, Indices], Any]


class Failure(NamedTuple):
    """One handler call that raised.

    Attributes
    ----------
    topic : int
    handler : callable
    error : Exception
    """

    topic: int
    handler: AnyHandler
    error: Exception


class Dispatcher(Plane):
    """Plane that isolates and times its handlers.

    Parameters
    ----------
    topics, capacity : int
        As `Plane`.
    instruments : Instruments
        Where calls, events, failures and times are counted.
    report : callable
        Given a `Failure`, for every handler call that raised.
    """

    def __init__(
        self,
        topics: int,
        capacity: int,
        instruments: Instruments,
        report: Callable[[Failure], None],
    ) -> None:
        super().__init__(topics, capacity)
        self._instruments = instruments
        self._report = report
        self._calls: list[tuple[int, AnyHandler]] = []
        self._async_calls: list[tuple[int, AnyHandler]] = []

    def on(self, topic: int, handler: AnyHandler) -> None:
        """Also call `handler` for every batch that has events of `topic`.

        Raises
        ------
        ValueError
            If there is no such topic, or `handler` cannot be called.
        """
        if not callable(handler):
            raise ValueError(f"a handler is called with batch and indices, not {handler!r}")
        if not 0 <= topic < self.topics:
            raise ValueError(f"topic {topic} is not among 0 to {self.topics - 1}")
        target = handler if inspect.isroutine(handler) else type(handler).__call__
        calls = self._async_calls if inspect.iscoroutinefunction(target) else self._calls
        calls.append((topic, handler))

    @property
    def waits(self) -> bool:
        """Whether any handler is async, so that a tick can outlast `dispatch`."""
        return bool(self._async_calls)

    def dispatch(self, batch: Batch, routed: Routed) -> None:
        """Call the sync handlers of every topic that has events, in order of registration."""
        seen = self._instruments
        calls, handled, spent = seen.calls, seen.handled, seen.handler_ns
        bounds = routed.offsets.tolist()
        indices = routed.indices
        before = perf_counter_ns()
        for topic, handler in self._calls:
            start, stop = bounds[topic], bounds[topic + 1]
            if start != stop:
                try:
                    handler(batch, indices[start:stop])
                except Exception as error:
                    self.fail(topic, handler, error)
                calls[topic] += 1
                handled[topic] += stop - start
                # One reading of the clock serves as this call's end and the next one's start.
                after = perf_counter_ns()
                spent[topic] += after - before
                before = after

    def start(self, batch: Batch) -> list[Awaitable[None]]:
        """Return what to await: the async handlers of every topic of the batch just routed."""
        bounds = self.routed.offsets.tolist()
        indices = self.routed.indices
        return [
            self._run(topic, handler, batch, indices[bounds[topic] : bounds[topic + 1]])
            for topic, handler in self._async_calls
            if bounds[topic] != bounds[topic + 1]
        ]

    async def _run(self, topic: int, handler: AnyHandler, batch: Batch, indices: Indices) -> None:
        seen = self._instruments
        before = perf_counter_ns()
        try:
            await handler(batch, indices)
        except Exception as error:
            self.fail(topic, handler, error)
        seen.calls[topic] += 1
        seen.handled[topic] += len(indices)
        seen.handler_ns[topic] += perf_counter_ns() - before

    def fail(self, topic: int, handler: AnyHandler, error: Exception) -> None:
        """Count a failed call and report it; what the report raises is not caught."""
        self._instruments.failed[topic] += 1
        self._report(Failure(topic, handler, error))
