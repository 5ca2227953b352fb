"""The bus: handlers by topic, batches from any number of producers, a graceful end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable, Iterable
from time import perf_counter_ns
from typing import TypeVar

from aethermodel.bus.dispatcher import AnyHandler, Dispatcher, Failure
from aethermodel.bus.fabric import Batch, Policy, Receiver
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.instruments import Instruments
from aethermodel.bus.reader import Reader
from aethermodel.bus.topics import Topics
from cython_core import Routed, route

_log = logging.getLogger("aethermodel.bus")
_H = TypeVar("_H", bound=AnyHandler)
#: Signals on which `Bus.run` drains and ends, where it is asked to.
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Bus:
    """Routes batches of events to the handlers of their topics.

    Parameters
    ----------
    topics : iterable of str
        Names; a name's place is the ``topic`` of its events. See `Topics`.
    capacity : int
        Most events a batch.
    depth : int
        Batches that `publish` lets wait.
    policy : {"block", "drop-oldest", "fail"}
        What `publish` does where so many wait. Receivers have their own back-pressure.

    Attributes
    ----------
    topics : Topics
    instruments : Instruments
    failures : deque of Failure
        The last 100 handler calls that raised; all are counted in `instruments`.
    waits : bool
        Whether there are async handlers: then batches go through `handle`.
    lost : list of (str, Exception)
        Label and error of each receiver that ended otherwise than in good order.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Events of one producer and topic reach each handler in the order they were sent: the
    next batch is dispatched after every handler of the last one returned. Whatever takes
    long belongs on a `aethermodel.bus.decisions.Desk`, off this path.

    Examples
    --------
    >>> bus = Bus(["md.trade", "md.quote"])
    >>> @bus.on("md.*")
    ... def count(batch, indices):
    ...     print(batch["sequence"][indices])
    """

    def __init__(
        self,
        topics: Iterable[str],
        *,
        capacity: int = 65_536,
        depth: int = 64,
        policy: Policy = "block",
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a batch holds at least 1 event, not {capacity}")
        self.topics = topics if isinstance(topics, Topics) else Topics(topics)
        self.capacity = capacity
        self.instruments = Instruments(self.topics)
        self.failures: deque[Failure] = deque(maxlen=100)
        self.lost: list[tuple[str, Exception]] = []
        self._dispatcher = Dispatcher(len(self.topics), capacity, self.instruments, self._failed)
        self._logged: set[int] = set()
        self._inbox = Loopback(depth, policy)
        self._drops_counted = 0
        self._readers: list[Reader] = []
        self._turn = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self.waits = False
        self._ran = self._stopping = False
        self._own = Reader(self, self._inbox)

    def on(self, pattern: str) -> Callable[[_H], _H]:
        """Register the decorated function, sync or async, for every topic that matches.

        Parameters
        ----------
        pattern : str
            Such as ``md.trade``, ``md.*`` or ``md.**``; see `Topics.match`.

        Raises
        ------
        ValueError
            If no topic matches.
        """
        ids = self.topics.match(pattern)

        def register(handler: _H) -> _H:
            for topic in ids:
                self._dispatcher.on(topic, handler)
            self.waits = self._dispatcher.waits
            return handler

        return register

    async def publish(self, batch: Batch) -> None:
        """Send one batch from this process; it is handled as it is, without a copy.

        Raises
        ------
        Backlogged
            If too many wait and the policy is ``fail``.
        ValueError
            If the batch is too large, or the bus has been told to stop.
        """
        if len(batch) > self.capacity:
            raise ValueError(f"this bus takes {self.capacity} events a batch, not {len(batch)}")
        if self._stopping:
            raise ValueError("this bus is stopping and takes nothing more")
        await self._inbox.send(batch)
        self._count_drops()

    def attach(self, receiver: Receiver) -> None:
        """Take batches from a receiver as well; before `run` or while it runs."""
        if self._stopping:
            raise ValueError("this bus is stopping and takes nothing more")
        reader = Reader(self, receiver)
        self._readers.append(reader)
        if self._tasks:
            reader.start(self._tasks)

    async def run(self, *, signals: Iterable[signal.Signals] = ()) -> None:
        """Handle batches until `stop`, or until every attached receiver has ended.

        With no receiver attached only `stop` ends it. What was sent before is handled
        first. Once is enough: a bus that has run does not run again.

        Parameters
        ----------
        signals : iterable of signal.Signals
            Drain and end on these, such as `SIGNALS`; in the main thread only.

        Raises
        ------
        RuntimeError
            If the bus runs, or ran.
        """
        if self._ran:
            raise RuntimeError("a bus runs once")
        loop = asyncio.get_running_loop()
        self._ran = True
        caught = tuple(signals)
        for number in caught:
            loop.add_signal_handler(number, self.stop)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._own.start(self._tasks)
                for reader in self._readers:
                    reader.start(self._tasks)
                if self._readers:
                    await self._all_ended()
                    self.stop()
        finally:
            self._tasks = None
            self._stopping = True
            self._count_drops()
            for number in caught:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Take nothing more, handle what waits now, and let `run` return; idempotent."""
        self._stopping = True
        self._inbox.refuse()
        for reader in (self._own, *self._readers):
            reader.stop()

    async def _all_ended(self) -> None:
        ended = 0
        while ended < len(self._readers):  # more may be attached meanwhile
            await self._readers[ended].ended.wait()
            ended += 1

    def route(self, batch: Batch) -> Routed:
        """Route one batch by topic; ValueError if it cannot be."""
        return route(batch, self._dispatcher.topics, out=self._dispatcher.routed)

    def tick(self, batch: Batch) -> bool:
        """Route one batch and call its sync handlers.

        Returns
        -------
        bool
            False if the batch could not be routed: then it is counted as refused.
        """
        dispatcher, seen = self._dispatcher, self.instruments
        before = perf_counter_ns()
        try:
            routed = self.route(batch)
        except ValueError as error:
            seen.refused += len(batch)
            _log.error("batch refused: %s", error)
            return False
        dispatcher.dispatch(batch, routed)
        if not self.waits:  # else the tick has not ended yet
            seen.tick_ns.record(perf_counter_ns() - before)
        seen.batch_events.record(len(batch))
        return True

    async def handle(self, batch: Batch) -> None:
        """Route one batch and call all its handlers; returns when the last one has."""
        async with self._turn:  # what was routed serves one batch at a time
            before = perf_counter_ns()
            if self.tick(batch):
                await asyncio.gather(*self._dispatcher.start(batch))
                self.instruments.tick_ns.record(perf_counter_ns() - before)

    def _count_drops(self) -> None:
        self.instruments.dropped += self._inbox.dropped - self._drops_counted
        self._drops_counted = self._inbox.dropped

    def _failed(self, failure: Failure) -> None:
        self.failures.append(failure)
        # A handler that fails once fails a thousand times a second: it is logged once.
        if id(failure.handler) not in self._logged:
            self._logged.add(id(failure.handler))
            name = self.topics.name(failure.topic)
            _log.error("handler %r failed on %s", failure.handler, name, exc_info=failure.error)
