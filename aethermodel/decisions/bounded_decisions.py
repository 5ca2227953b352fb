"""Decisions off the hot path: bounded in number and in time, with an answer in any case."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.bus.failures import without_frames
from cython_core import Histogram

_log = logging.getLogger("aethermodel.bus")
#: Why a decision fell back: no room in flight, no answer in time, or the decider raised.
Why = Literal["busy", "deadline", "error"]

Decider = Callable[[Batch], Awaitable[Any]]
Fallback = Callable[[Batch], Any]


class Decision(NamedTuple):
    """What was decided.

    Attributes
    ----------
    events : numpy.ndarray
        The events escalated: a copy of their own.
    answer : object
        Of the decider, or of the fallback.
    why : {"busy", "deadline", "error"} or None
        Why it is the fallback's; None: it is the decider's.
    error : BaseException or None
        What the decider raised, without its frames.
    """

    events: Batch
    answer: Any
    why: Why | None
    error: BaseException | None = None


class Desk:
    """Takes events that need more than a handler's time, and answers each lot of them.

    `escalate` returns at once. An answer comes from `decide` if there is room in flight
    and it comes before the deadline, and from `fallback` otherwise.

    Parameters
    ----------
    decide : async callable
        Given the events, returns an answer.
    fallback : callable
        Given the events, returns an answer without waiting.
    answered : callable
        Given each `Decision`, on the event loop.
    deadline_seconds : float
        From escalation to answer; above 0.
    concurrency : int
        Decisions in flight at most; `aethermodel.model.queueing.escalation` says how many a rate
        needs. At least 1.

    Attributes
    ----------
    in_flight, most_in_flight : int
    decided : int
        Answers of the decider.
    fell_back : dict of str to int
        Answers of the fallback, by reason.
    failed : int
        Answers that nobody got, as `fallback` or `answered` raised; the first is logged.
    copied_bytes : int
        Event bytes copied: escalated events outlive their batch.
    latency_ns : Histogram
        From escalation to answer, of the decider's answers.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> async with Desk(ask, rules, print, deadline_seconds=0.5, concurrency=64) as desk:
    ...     @bus.on("md.trade")
    ...     def watch(batch, indices):
    ...         desk.escalate(batch, indices[batch["value"][indices] > 900])
    ...     await bus.run()
    """

    def __init__(
        self,
        decide: Decider,
        fallback: Fallback,
        answered: Callable[[Decision], None],
        *,
        deadline_seconds: float,
        concurrency: int,
    ) -> None:
        if not 0 < deadline_seconds < float("inf"):
            raise ValueError(f"a deadline is above 0 seconds, not {deadline_seconds}")
        if concurrency < 1:
            raise ValueError(f"at least 1 decision is in flight at a time, not {concurrency}")
        self._decide = decide
        self._fallback = fallback
        self._answered = answered
        self.deadline_seconds = deadline_seconds
        self.concurrency = concurrency
        self.most_in_flight = 0
        self.decided = 0
        self.fell_back: dict[str, int] = {"busy": 0, "deadline": 0, "error": 0}
        self.failed = 0
        self.copied_bytes = 0
        self.latency_ns = Histogram()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Decisions that are being made."""
        return len(self._tasks)

    def escalate(self, batch: Batch, indices: npt.NDArray[np.uint32]) -> None:
        """Have a lot of events decided together; nothing happens if there are none.

        Parameters
        ----------
        batch : numpy.ndarray
            Of events; may be given back as soon as this returns.
        indices : numpy.ndarray
            Which of them.
        """
        if not len(indices):
            return
        events = batch[indices]
        self.copied_bytes += events.nbytes
        if len(self._tasks) >= self.concurrency:
            self._fall_back(events, "busy", None)
            return
        task = asyncio.get_running_loop().create_task(self._run(events))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, events))
        self.most_in_flight = max(self.most_in_flight, len(self._tasks))

    async def drain(self) -> None:
        """Wait until everything escalated so far is answered; the deadline bounds it.

        Who is cancelled while it waits here cancels no decision.
        """
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, events: Batch) -> None:
        before = perf_counter_ns()
        limit = asyncio.timeout(self.deadline_seconds)
        try:
            async with limit:
                answer = await self._decide(events)
        except Exception as error:
            # The decider's own TimeoutError is an error; only ours is the deadline.
            self._fall_back(events, "deadline" if limit.expired() else "error", error)
            return
        self.decided += 1
        self.latency_ns.record(perf_counter_ns() - before)
        self._tell(lambda: Decision(events, answer, None))

    def _done(self, events: Batch, task: asyncio.Task[None]) -> None:
        """Answer for a decision that was cancelled, by itself or from outside, begun or not."""
        self._tasks.discard(task)
        if task.cancelled():
            self._fall_back(events, "error", asyncio.CancelledError())
        elif error := task.exception():  # of no class that a program is to go on after
            self._fall_back(events, "error", error)

    def _fall_back(self, events: Batch, why: Why, error: BaseException | None) -> None:
        self.fell_back[why] += 1
        kept = without_frames(error) if error else None  # they hold what the decider had in hand
        self._tell(lambda: Decision(events, self._fallback(events), why, kept))

    def _tell(self, decide: Callable[[], Decision]) -> None:
        try:
            self._answered(decide())
        except (KeyboardInterrupt, SystemExit):
            self.failed += 1
            raise
        except BaseException:  # a CancelledError too: nothing waits in there
            if not self.failed:
                _log.exception("an answer was lost: the fallback failed, or who was to be told")
            self.failed += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.drain()
        except asyncio.CancelledError:
            for task in self._tasks:  # each is answered by the fallback, at once
                task.cancel()
            await self.drain()
            raise
