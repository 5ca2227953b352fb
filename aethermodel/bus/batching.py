"""Batcher: collects events of a producer and sends them as batches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from math import inf
from time import monotonic
from typing import Self

from aethermodel.bus.adaptive_size import Rule
from aethermodel.bus.fabrics.protocol import Batch, Sender
from aethermodel.bus.fabrics.shm import ShmSender
from cython_core import Histogram, allocate


class Batcher:
    """Collects events and sends them in batches as a rule says.

    What `put` is given stays where it is until its batch goes: over shared memory it is then
    written into the ring itself, as a send would, and elsewhere a batch of several pieces is put
    together first.

    Parameters
    ----------
    send : async callable
        Takes a batch, such as `aethermodel.bus.Bus.publish`; for a fabric, see `over`.
    rule : Rule
        Such as `aethermodel.bus.adaptive_size.AdaptiveSize`.
    clock : callable
        Returns seconds, and only rises.

    Attributes
    ----------
    rule : Rule
    waiting : int
        Events that wait for their batch.
    batch_events : Histogram
        Sizes of the batches sent.
    copied_bytes : int
        Event bytes copied to put batches together; 0 over shared memory.

    Examples
    --------
    >>> ladder = Ladder.of(lambda n: 5e-6 + 10e-9 * n, target_seconds=1e-3, most=8192)
    >>> async with Batcher.over(ShmSender(ring), AdaptiveSize(ladder)) as batcher:
    ...     await batcher.put(events)
    """

    def __init__(
        self,
        send: Callable[[Batch], Awaitable[None]],
        rule: Rule,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.rule = rule
        self.waiting = 0
        self.batch_events = Histogram()
        self.copied_bytes = 0
        self._send = send
        self._ring: ShmSender | None = None
        self._clock = clock
        self._sent_at = -inf
        self._waited = False
        self._pieces: deque[tuple[Batch, float]] = deque()  # with the time each came
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._ended = False

    @classmethod
    def over(cls, sender: Sender, rule: Rule, *, clock: Callable[[], float] = monotonic) -> Self:
        """Send over a fabric; its end stays the caller's to send."""
        batcher = cls(sender.send, rule, clock=clock)
        if isinstance(sender, ShmSender):
            batcher._ring = sender
        return batcher

    async def put(self, events: Batch) -> None:
        """Take events, and send what the rule wants sent.

        Parameters
        ----------
        events : numpy.ndarray
            Shape ``(n,)``, dtype `cython_core.EVENT_DTYPE` or of another type of records,
            always the same; unchanged until its batch was handled,
            or (over shared memory and TCP) sent.

        Raises
        ------
        ValueError
            After `end`.
        Exception
            Whatever the send raised, also for a batch that the timer sent; the events wait on.
        """
        if self._ended:
            raise ValueError("this batcher has ended and takes nothing more")
        self._raise_late_error()
        if not len(events):
            return
        now = self._clock()
        self._pieces.append((events, now))
        self.waiting += len(events)
        self.rule.arrived(len(events), now)
        if self.rule.take(self.waiting, now - self._pieces[0][1]):
            try:
                await self._drain()
            except asyncio.CancelledError:
                self._set_timer()  # what was not sent is not to wait for the next `put`
                raise
        else:
            self._set_timer()

    async def end(self) -> None:
        """Send what waits, and take nothing more; idempotent.

        Raises
        ------
        Exception
            Whatever the send raised; `end` again goes on with what waits.
        """
        self._ended = True
        self._stop_timer()
        if self._flushing:
            # Not awaited itself: who is cancelled here would cancel it, and it may be mid-send.
            await asyncio.wait((self._flushing,))
            self._raise_late_error()
        async with self._turn:
            while self.waiting:
                await self._send_now(min(self.waiting, self.rule.most))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.end()
        else:  # what the body could not finish is not made to look finished
            self._ended = True
            self._stop_timer()

    async def _drain(self) -> None:
        """Send batches for as long as the rule wants any; one task at a time, to keep order."""
        async with self._turn:
            while self.waiting:
                due = self.rule.take(self.waiting, self._clock() - self._pieces[0][1])
                if not due:
                    break
                await self._send_now(due)
        self._stop_timer()
        self._set_timer()

    async def _send_now(self, events: int) -> None:
        # What a send could not take waits on: it is let go only afterwards.
        pieces, began = list(self._front(events)), self._clock()
        if self._ring:
            _fill(await self._ring.reserve(events), pieces)
            self._ring.commit()
        elif len(pieces) == 1:
            await self._send(pieces[0])
        else:
            batch = allocate(events, pieces[0].dtype)
            _fill(batch, pieces)
            self.copied_bytes += batch.nbytes
            await self._send(batch)
        self._let_go(events)
        self.batch_events.record(events)
        self._tell(events, began)

    def _tell(self, events: int, began: float) -> None:
        """Tell the rule how long the consumer took, where that is what the sends wait for.

        With all places taken, room comes whenever the consumer is done with a batch; two sends in
        a row that spent most of their time waiting for it are one service time apart.
        """
        now = self._clock()
        since, self._sent_at = now - self._sent_at, now
        before, self._waited = self._waited, now - began > since / 2
        if before and self._waited:
            self.rule.served(events, since)

    def _front(self, events: int) -> Iterable[Batch]:
        """Return the oldest events, the last piece cut where the batch ends."""
        for piece, _ in self._pieces:
            yield piece[:events]
            events -= len(piece)
            if events <= 0:
                break

    def _let_go(self, events: int) -> None:
        self.waiting -= events
        while events:
            piece, came = self._pieces.popleft()
            if len(piece) > events:
                self._pieces.appendleft((piece[events:], came))
            events -= min(events, len(piece))

    def _set_timer(self) -> None:
        if self._timer or not self.waiting or self._ended or self.rule.hold_seconds == inf:
            return
        left = self._pieces[0][1] + self.rule.hold_seconds - self._clock()
        self._timer = asyncio.get_running_loop().call_later(max(left, 0.0), self._on_time)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        before = self._flushing
        # One that failed stays, until `put` or `end` has told of it.
        if before is None or (before.done() and (before.cancelled() or not before.exception())):
            self._flushing = asyncio.get_running_loop().create_task(self._drain())
            self._flushing.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # what it was to send is not to wait for the next `put`
            self._set_timer()

    def _raise_late_error(self) -> None:
        if self._flushing and self._flushing.done():
            done, self._flushing = self._flushing, None
            # One that somebody cancelled sent nothing more: its events wait on, for the next.
            if not done.cancelled():
                done.result()


def _fill(room: Batch, pieces: Iterable[Batch]) -> None:
    at = 0
    for piece in pieces:
        room[at : at + len(piece)] = piece
        at += len(piece)
