"""Bus: handlers by topic, batches from any number of producers, a graceful end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from aethermodel.bus.dispatcher import AnyHandler, Dispatcher
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Backlogged, Batch, Policy, Receiver
from aethermodel.bus.failures import EventsLost, Failure, message_of, traceback_of, without_frames
from aethermodel.bus.instruments import Instruments
from aethermodel.bus.owner_loop import Home
from aethermodel.bus.reader import Reader
from aethermodel.bus.topics import Topics
from cython_core import Routed, ends, now_ns, record_type
from cython_core.events.record_type import as_records
from cython_core.ticks.queue import publishing
from cython_core.ticks.tick import Tick

if TYPE_CHECKING:
    from cython_core.events.record_type import Record, RecordType

_log = logging.getLogger("aethermodel.bus")
_H = TypeVar("_H")
#: Signals on which `Bus.run` drains and ends, where it is asked to.
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MOST_KEPT = 100  # failures, and lost receivers; all are counted


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
    numbered : bool
        Whether the events of each receiver carry ascending sequences without a gap: then they
        are compared in the router's own pass, and each batch that breaks off is counted in
        `Instruments.gaps`, logged, and handled all the same. Of 64-byte events only.
    record : RecordType, numpy.dtype or int, optional
        What its events are, as for `cython_core.record_type`; the 64-byte event by default.

    Attributes
    ----------
    topics : Topics
    record : RecordType
    instruments : Instruments
    failures : deque of Failure
        The last 100 handler calls that raised, as text; all are counted in `instruments`.
    ticks : cython_core.ticks.tick.Tick
        Routes one batch at a time and calls its sync handlers; one that cannot be routed is counted
        as refused.
    waits : bool
        Whether there are async handlers: then batches go through `handle`.
    lost : list of (str, Exception)
        Label and error of the last 100 receivers that ended otherwise than in good order; all are
        counted in `instruments`.
    cancelled : bool
        Whether `run` is being cancelled.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Events of one producer and topic reach each handler in the order they were sent: the
    next batch is dispatched after every handler of the last one returned. Whatever takes
    long belongs on a `aethermodel.decisions.bounded_decisions.Desk`, off this path.

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
        numbered: bool = False,
        record: Record | None = None,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a batch holds at least 1 event, not {capacity}")
        self.topics = topics if isinstance(topics, Topics) else Topics(topics)
        self.capacity = capacity
        self.record = record_type(record)
        if numbered and not self.record.event:
            raise ValueError("sequences are compared of 64-byte events only: numbered=False")
        self.instruments = Instruments(self.topics)
        self.failures: deque[Failure] = deque(maxlen=_MOST_KEPT)
        self.lost: list[tuple[str, Exception]] = []
        self.ticks = Tick(
            Routed(capacity, len(self.topics)),
            self.instruments,
            self._failed,
            self._refused,
            self._count_gap,
            None if self.record.event else self.record,
        )
        self._dispatcher = Dispatcher(self.ticks, self.instruments, self._failed, self.record)
        self._numbered = numbered
        self._logged: set[int] = set()
        self._inbox = Loopback(depth, policy)
        self._drops_counted = 0
        self._readers: set[Reader] = set()
        self._turn = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self._runner: asyncio.Task[None] | None = None
        self._cancels_before = 0
        self._lost_in_handlers = 0
        self._home = Home()
        self.waits = False
        self._ran = self._stopping = False
        self._ends_with_readers = False
        self._own = Reader(self, self._inbox, lambda _: None)

    def on(self, pattern: str) -> Callable[[_H], _H]:
        """Register the decorated function, sync or async, for every topic that matches.

        A C function may be registered as well: a `cython_core.NativeHandler`, a numba ``cfunc``, a
        capsule or a function of ctypes. Those are called first, in order of registration, without
        the interpreter lock.

        Parameters
        ----------
        pattern : str
            Such as ``md.trade``, ``md.*`` or ``md.**``; see `Topics.match`.

        Raises
        ------
        ValueError
            If no topic matches, or a C function is not of a handler's signature.
        """
        ids = self.topics.match(pattern)

        def register(handler: _H) -> _H:
            self._dispatcher.on(ids, handler)
            self.waits = self._dispatcher.waits
            return handler

        return register

    def publish(self, batch: Batch) -> Coroutine[Any, Any, None]:
        """Send one batch from this process; it is handled as it is, without a copy.

        From any thread's event loop: it is handed over to the one that the bus lives on, where
        `run` is, or before that the first `publish` was.

        Raises
        ------
        Backlogged
            If too many wait and the policy is ``fail``; or it is ``block``, and an async handler
            of this bus asks, which would wait for its own return.
        ValueError
            If it is no batch or too large, or the bus has been told to stop.
        RuntimeError
            If the bus lives on another event loop, which ended before the batch was taken.
        """
        if not self.record.event:
            return self._publish(batch)
        return publishing(self._inbox, batch, self.capacity, self._home, self._publish)

    async def _publish(self, batch: Batch) -> None:
        if not self._home.here():
            await self._home.call(self.publish, batch)
            return
        if (events := _events_of(batch, self.record)) > self.capacity:
            raise ValueError(f"this bus takes {self.capacity} events a batch, not {events}")
        if self._stopping:
            raise ValueError("this bus is stopping and takes nothing more")
        inbox = self._inbox
        if inbox.full and inbox.policy == "block" and self._in_handler():
            raise Backlogged("a handler cannot wait for room that only its own return makes")
        await inbox.send(batch)
        self._count_drops()

    def attach(self, receiver: Receiver) -> None:
        """Take batches from a receiver as well; before `run` or while it runs.

        Raises
        ------
        ValueError
            If the receiver is attached already, or the bus has been told to stop.
        RuntimeError
            If the bus lives on another thread's event loop.
        """
        if self._home.elsewhere():
            raise RuntimeError("this bus runs on another thread's event loop: attach there")
        if self._stopping:
            raise ValueError("this bus is stopping and takes nothing more")
        if any(attached is receiver for attached in self.receivers):
            raise ValueError("this receiver is attached already: one batch of it is out at a time")
        reader = Reader(self, receiver, self._reader_ended, numbered=self._numbered)
        self._readers.add(reader)
        if self._tasks:
            reader.start(self._tasks)

    async def run(self, *, signals: Iterable[signal.Signals] = ()) -> None:
        """Handle batches until `stop`, or until every attached receiver has ended.

        With no receiver attached yet only `stop` ends it. What was sent before is handled
        first. Once is enough: a bus that has run does not run again.

        Parameters
        ----------
        signals : iterable of signal.Signals
            Drain and end on these, such as `SIGNALS`; a second one cancels, drained or not. In
            the main thread only. What is ignored stays so, as where ``nohup ... &`` started it.

        Raises
        ------
        RuntimeError
            If the bus runs, or ran; or batches were published on another event loop that runs.
        EventsLost
            At the end, if somebody else cancelled a task of the bus amid a batch. The other
            batches were handled.
        asyncio.CancelledError
            If it is cancelled. What the bus had, or waited for it, and was not handled is counted
            as `Instruments.lost`.
        """
        if self._ran:
            raise RuntimeError("a bus runs once")
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task
        self._home.settle()
        self._ran = True
        self._runner, self._cancels_before = task, task.cancelling()
        caught = tuple(n for n in signals if signal.getsignal(n) != signal.SIG_IGN)
        told = False

        def signalled() -> None:
            nonlocal told
            if told:
                task.cancel()
            told = True
            self.stop()

        for number in caught:
            loop.add_signal_handler(number, signalled)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._own.start(self._tasks)
                for reader in self._readers:
                    reader.start(self._tasks)
                self._ends_with_readers = bool(self._readers)
        finally:
            self._tasks = None
            self._stopping = True
            self._count_drops()
            for number in caught:
                loop.remove_signal_handler(number)
        if lost := self._lost_in_handlers:
            raise EventsLost(
                f"{lost} events were lost: a task of the bus was cancelled from outside"
            )

    def stop(self) -> None:
        """Take nothing more, handle what waits now, and let `run` return; idempotent.

        From any thread.
        """
        if loop := self._home.elsewhere():
            loop.call_soon_threadsafe(self.stop)
            return
        self._stopping = True
        self._inbox.refuse()
        for reader in (self._own, *self._readers):
            reader.stop()

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """Attached receivers whose streams have not ended yet."""
        return tuple(reader.receiver for reader in self._readers)

    @property
    def cancelled(self) -> bool:
        """Whether `run` is being cancelled: then its readers end, and otherwise only if told."""
        return self._runner is not None and self._runner.cancelling() > self._cancels_before

    def lose(self, label: str, error: Exception, events: int = 0) -> None:
        """Take note of a receiver that failed, and of what it had in hand."""
        self.instruments.streams_lost += 1
        self.lose_events(events)
        self.lost.append((label, without_frames(error)))
        del self.lost[:-_MOST_KEPT]

    def lose_events(self, events: int) -> None:
        """Count events that are not handled to the end."""
        self.instruments.lost += events

    def interrupted(self, label: str, events: int) -> None:
        """Take note that somebody else cancelled a reader, and of what it had in hand."""
        if not self.instruments.interruptions:  # once, as a refusal is
            _log.error("the reader of %s was cancelled from outside, and goes on", label)
        self.instruments.interruptions += 1
        self._lost_in_handlers += events
        self.lose_events(events)

    def _reader_ended(self, reader: Reader) -> None:
        self._readers.discard(reader)  # with the receiver's memory: producers come and go
        if self._ends_with_readers and not self._readers:
            self.stop()

    def tick(self, batch: Batch, first: int | None = None) -> bool:
        """Route one batch and call its sync handlers; as `cython_core.ticks.tick.Tick.run`.

        Raises
        ------
        ValueError
            While `handle` awaits handlers, whose positions it would write over.
        """
        if self._turn.locked():
            raise ValueError("a tick within a tick: handlers of another batch are being awaited")
        return self.ticks.run(batch, first)

    async def handle(
        self,
        batch: Batch,
        first: int | None = None,
        handled: Callable[[], None] = lambda: None,
    ) -> None:
        """Route one batch and call all its handlers; returns when the last one has.

        `handled` is called then, also where this task is cancelled in that very moment.
        """
        async with self._turn:  # what was routed serves one batch at a time
            began = now_ns()

            def returned() -> None:
                self.instruments.tick_ns.record(now_ns() - began)
                self.instruments.batch_events.record(len(batch))
                handled()

            if self.ticks.run(batch, first):
                await self._dispatcher.wait(batch, returned)

    def _in_handler(self) -> bool:
        return asyncio.current_task() in self._dispatcher.running

    def _count_drops(self) -> None:
        self.instruments.dropped += self._inbox.dropped - self._drops_counted
        self._drops_counted = self._inbox.dropped

    def _refused(self, batch: Batch, error: Exception) -> None:
        if not self.instruments.refused:  # a producer that errs once errs a thousand times a second
            _log.error("batch refused: %s", error)
        self.instruments.refused += len(batch)

    def _count_gap(self, first: int, batch: Batch, place: int) -> None:
        if not self.instruments.gaps:  # once, as a refusal is
            came = batch["sequence"][place]
            _log.error("event %d should come, event %d came", (first + place) % 2**64, came)
        self.instruments.gaps += 1

    def _failed(self, topic: int, handler: AnyHandler, error: BaseException) -> None:
        if self.cancelled and isinstance(error, asyncio.CancelledError):
            return  # the bus is cancelled, not the handler at fault; its batch is lost
        self.instruments.failed[topic] += 1
        self.failures.append(Failure.of(topic, handler, error))
        if id(handler) not in self._logged:  # what fails once fails a thousand times a second
            self._logged.add(id(handler))
            name = self.topics.name(topic)
            _log.error("handler %r failed on %s\n%s", handler, name, traceback_of(error))


def _events_of(batch: Batch, record: RecordType) -> int:
    """Return how many events a batch has; ValueError if it is none."""
    try:
        if not isinstance(batch, np.ndarray):
            batch.__arrow_c_array__()
        elif not record.event:
            as_records(batch, record)
        elif len(batch):
            ends(batch)
        return len(batch)
    except Exception as error:
        raise ValueError(f"this is no batch of events: {message_of(error)}") from None
