"""Dispatch to handlers that may be several a topic, async, timed, and allowed to fail."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabric import Batch
from aethermodel.bus.instruments import Instruments
from cython_core import Routed, call_handlers, now_ns

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
    error : BaseException
        An Exception, or a CancelledError that nobody outside the handler caused.
    """

    topic: int
    handler: AnyHandler
    error: BaseException


class Dispatcher:
    """Calls the handlers of a routed batch; isolates and times them.

    Parameters
    ----------
    topics, capacity : int
        Number of topics, and most events that a batch may hold.
    instruments : Instruments
        Where calls, events, failures and times are counted.
    report : callable
        Given a `Failure`, for every handler call that raised.

    Attributes
    ----------
    dispatch : callable
        Given a batch, where its events are, and when its tick began: calls the sync handlers
        of every topic that has events, in order of registration. See
        `cython_core.call_handlers`.
    running : set of asyncio.Task
        In which async handlers run now.
    """

    def __init__(
        self,
        topics: int,
        capacity: int,
        instruments: Instruments,
        report: Callable[[Failure], None],
    ) -> None:
        self.topics = topics
        self.routed = Routed(capacity, topics)
        self._instruments = instruments
        self._report = report
        self.running: set[asyncio.Task[Any] | None] = set()
        # Replaced, not appended to: a handler may register another in the middle of a tick.
        self._calls: tuple[tuple[int, AnyHandler], ...] = ()
        self._async_calls: tuple[tuple[int, AnyHandler], ...] = ()
        self.dispatch = self._bound()

    def on(self, topics: Iterable[int], handler: AnyHandler) -> None:
        """Also call `handler` for every batch and topic of these that it has events of.

        Raises
        ------
        ValueError
            If there is no such topic, or `handler` cannot be called.
        """
        if not callable(handler):
            raise ValueError(f"a handler is called with batch and indices, not {handler!r}")
        calls = tuple((topic, handler) for topic in topics)
        for topic, _ in calls:
            if not 0 <= topic < self.topics:
                raise ValueError(f"topic {topic} is not among 0 to {self.topics - 1}")
        target = handler if inspect.isroutine(handler) else type(handler).__call__
        if inspect.iscoroutinefunction(target):
            self._async_calls += calls
        else:
            self._calls += calls
        self.dispatch = self._bound()

    def _bound(self) -> Callable[[Batch, Routed, int], None]:
        # With what stays the same from tick to tick, where a method would look it up in each.
        return partial(call_handlers, self._calls, self._instruments, not self.waits, self.fail)

    @property
    def waits(self) -> bool:
        """Whether any handler is async, so that a tick can outlast `dispatch`."""
        return bool(self._async_calls)

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
        seen, task = self._instruments, asyncio.current_task()
        self.running.add(task)
        before = now_ns()
        try:
            await handler(batch, indices)
        except Exception as error:
            self.fail(topic, handler, error)
        except asyncio.CancelledError as error:
            if task and task.cancelling():  # it is the bus that is cancelled
                raise
            self.fail(topic, handler, error)
        finally:
            self.running.discard(task)
        seen.calls[topic] += 1
        seen.handled[topic] += len(indices)
        seen.handler_ns[topic] += now_ns() - before

    def fail(self, topic: int, handler: AnyHandler, error: BaseException) -> None:
        """Count a failed call and report it; what the report raises is not caught."""
        self._instruments.failed[topic] += 1
        self._report(Failure(topic, handler, error))
