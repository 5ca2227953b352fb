"""Verbs sender: batches leave from the memory that they were made in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aethermodel.bus.fabrics.protocol import Backlogged, Batch, Policy, checked_policy
from aethermodel.bus.fabrics.verbs.exchange import Exchange, dial
from aethermodel.bus.fabrics.verbs.outlet import Outlet
from aethermodel.bus.fabrics.verbs.recovery import Recovery
from aethermodel.bus.fabrics.verbs.side import Side
from cython_core import record_type
from cython_core.verbs.errors import PeerDiedError, RdmaError

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

#: Turns of the event loop that a wait for room gives the others before it sleeps, and how
#: long it then sleeps, in seconds.
TURNS = 64
PAUSE = 0.0005


class VerbsSender(Side[Outlet]):
    """The side that connects; made by `connect`.

    A batch is sent when `commit` or `send` returns, or, in lists of more than one, when the
    list is full or the event loop turns. While a fault heals there is no room: what was
    committed is kept, and what did not arrive is sent again.

    Parameters
    ----------
    exchange : Exchange
        Closed with this object, as `outlet` is.
    outlet : Outlet
        Aimed at the receiver's ring.
    policy : {"block", "fail"}
        What to do where the receiver's ring is full.
    recovery : Recovery
        What to do after a fault.

    Attributes
    ----------
    label : {"soft-roce", "rdma-nic"}
    outlet : Outlet
        The one in use; after a recovery, another.
    """

    def __init__(
        self, exchange: Exchange, outlet: Outlet, policy: Policy, recovery: Recovery
    ) -> None:
        super().__init__(exchange, outlet.connection, recovery)
        self.policy = policy
        self.outlet = outlet
        self._ring, self._tail = outlet.rings
        self._ledger = outlet.ledger
        self._past: dict[str, int] = {}  # what earlier streams counted
        self._repeated = 0  # messages
        self._failure: Exception | None = None
        self._flushing: asyncio.Handle | None = None
        self._goodbye = False  # said
        self._listen()

    @classmethod
    async def connect(
        cls,
        port: int,
        host: str = "127.0.0.1",
        *,
        secret: bytes,
        policy: Policy = "block",
        list_length: int = 1,
        signal_every: int = 16,
        device: str | None = None,
        recover_within: float = 10.0,
        record: Record | None = None,
    ) -> VerbsSender:
        """Connect to a `VerbsListener`; over loopback unless told otherwise.

        Parameters
        ----------
        port, host
            Of the exchange over TCP.
        secret : bytes
            Known to both sides.
        policy : {"block", "fail"}
            What to do where the receiver's ring is full.
        list_length : int
            Batches that one doorbell sends: p.
        signal_every : int
            One batch in so many asks for a completion: k, a divisor of 128.
        device : str, optional
            Name of the RDMA device; by default the first with an active port.
        recover_within : float
            Seconds that a fault may last, such as a cut wire or a removed device, before it
            ends the stream; 0 makes the first one final.
        record : RecordType, numpy.dtype or int, optional
            What is sent, as for `cython_core.record_type`; the 64-byte event by default.

        Raises
        ------
        ValueError
            If the policy is not possible, p and k do not fit, or the receiver takes records of
            another size.
        OSError, RefusedError
            If nobody listens there, or not who knows the secret.
        RdmaError
            If there is no device, or it refuses.
        """
        checked = checked_policy(policy, "verbs", ("block", "fail"))
        recovery = Recovery(recover_within)
        kind = record_type(record)

        def make() -> tuple[Exchange, Outlet]:
            exchange = dial(secret, port, host)
            try:
                return exchange, Outlet.first(exchange, device, list_length, signal_every, kind)
            except BaseException:
                exchange.close()
                raise

        exchange, outlet = await asyncio.to_thread(make)
        return cls(exchange, outlet, checked, recovery)

    @property
    def counters(self) -> dict[str, int]:
        """Exact counts.

        Returns
        -------
        dict of str to int
            ``posts``, ``signalled``, ``completions``, ``flushed``; ``recoveries``, and the
            messages ``repeated`` in them.
        """
        now = self.outlet.stream.counters
        totals = {name: count + self._past.get(name, 0) for name, count in now.items()}
        return totals | {"recoveries": self._recovery.count, "repeated": self._repeated}

    @property
    def delivered(self) -> int:
        """Events that are known to be in the receiver's memory."""
        return self._ledger.delivered

    @property
    def consumed(self) -> int:
        """Events that the receiver's consumer is known to have released."""
        return self._ledger.consumed

    async def reserve(self, n: int) -> Batch:
        """Return room for `n` events to make in place; `commit` sends them without a copy.

        Raises
        ------
        Backlogged
            If there is no room and the policy is ``fail``.
        PeerDiedError
            If the receiver is gone; its ``delivered`` counts events.
        RdmaError
            Of the subclass that names it, if a fault did not heal; with ``delivered`` as well.
        ValueError
            If `n` is not 1 to the ring's capacity, or the stream has ended.
        """
        self._check()
        if 1 <= n <= self._ring.capacity and not self._fits(n):
            self._settle()
            if self.policy == "fail" and not self._fits(n):
                raise Backlogged(f"the receiver has no room for {n} events")
            await self._until(lambda: self._fits(n))
        self._check()
        return self._ring.reserve(n, timeout=0)

    def commit(self) -> None:
        """Send what was reserved.

        Raises
        ------
        PeerDiedError, RdmaError
            As `reserve`.
        ValueError
            If nothing was reserved.
        """
        self._check()
        events = self._ring.claimed
        self._ring.commit()
        self._place(events)

    async def send(self, batch: Batch) -> None:
        """Copy a batch that exists elsewhere into the ring and send it, whole.

        Raises
        ------
        Backlogged, PeerDiedError, RdmaError, ValueError
            As `reserve`.
        """
        if len(batch):
            await self.reserve(len(batch))
            self._ring.write(batch, timeout=0)
            self._place(len(batch))

    async def end(self) -> None:
        """End the stream once all of it is in the receiver's memory; idempotent.

        Raises
        ------
        PeerDiedError, RdmaError
            As `reserve`.
        """
        if not self._open:
            return
        try:
            await self._until(lambda: self._fits(0))
            self._goodbye = True
            self._place(0)
            self._flush()
            await self._until(lambda: self._ledger.arrived == self._ledger.messages)
        finally:
            self.close()

    def close(self) -> None:
        """Hang up; without `end` the receiver gets SenderLost. Idempotent."""
        if not self._open:
            return
        self._open = False
        if self._flushing:
            self._flushing.cancel()
        self._stop_listening()
        self._hang_up()
        for ring in (self._ring, self._tail):
            ring.abort()

    # ---- sending

    def _fits(self, events: int) -> bool:
        """Whether ring, send queue and receive queue have room for one more batch."""
        stream = self.outlet.stream
        return (
            not self._recovering and self._ring.available >= events and stream.room > stream.pending
        )

    def _place(self, events: int) -> None:
        """Queue what was committed last, and post it where a list is full."""
        self._ledger.commit(events)
        self._place_all()

    def _place_all(self) -> None:
        stream = self.outlet.stream
        while not self._recovering and stream.placed < self._ledger.messages:
            position, events = self._ledger.kept(stream.placed)
            size = self._ring.record.itemsize
            offset = position % self._ring.capacity * size
            self._guarded(partial(stream.place, offset, events * size, events))
            if stream.pending == stream.list_length:
                self._flush()
        if self._flushing is None and stream.pending and not self._recovering:
            self._flushing = self._loop.call_soon(self._flush_late)

    def _flush(self) -> None:
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None
        stream = self.outlet.stream
        if stream.pending:
            self._guarded(partial(stream.flush, finish=self._goodbye))

    def _flush_late(self) -> None:
        self._flushing = None
        if self._failure is None:
            with contextlib.suppress(RdmaError):  # kept: the next call raises it
                self._flush()

    def _settle(self) -> None:
        """Take what has completed, and what the consumer has given back."""
        self._guarded(self.outlet.stream.poll)
        if not self._recovering:
            self._count()

    async def _until(self, ready: Callable[[], bool]) -> None:
        """Wait for credits and completions: a credit is written by the device, in silence."""
        turns = 0
        while True:
            self._check()
            if ready():
                return
            self._flush()
            self._settle()
            if ready():
                return
            await asyncio.sleep(0 if turns < TURNS else PAUSE)
            turns += 1

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._open:
            raise ValueError("the stream has ended")

    # ---- faults

    def _guarded(self, call: Callable[[], object]) -> None:
        """Call, unless a fault is healing; raise one that is final."""
        if self._recovering:
            return
        try:
            call()
        except RdmaError as fault:
            self._interrupted(fault)
            self._check()

    def _look(self) -> None:
        super()._look()
        if self._listening:
            with contextlib.suppress(RdmaError):  # kept: the next call raises it
                self._settle()

    def _poll(self) -> None:
        self.outlet.stream.poll()

    def _count(self) -> int:
        stream = self.outlet.stream
        self._ledger.arrive(stream.completed)
        if events := self._ledger.release(stream.granted - self.outlet.granted):
            self._tail.peek(events, timeout=0)
            self._tail.release(events)
        return self._ledger.arrived

    def _again(self, seconds: float) -> Outlet:
        return self.outlet.again(self._exchange, seconds)

    def _go_on(self, made: Outlet) -> None:
        self._past = self.counters
        self._repeated += self.outlet.stream.posted - made.stream.posted
        self.outlet = made
        self._listen()
        with contextlib.suppress(RdmaError):  # kept: the next call raises it
            self._settle()
            self._place_all()
            self._flush()

    def _fail(self, failure: Exception) -> None:
        self._hang_up()
        if self._goodbye and self._ledger.arrived == self._ledger.messages:
            return  # the receiver had all, and hung up first
        if isinstance(failure, PeerDiedError):
            counts = f"{self.delivered} events delivered, {self.consumed} consumed"
            died = PeerDiedError(f"the receiver died: {counts}")
            died.__cause__ = failure.__cause__
            failure = died
        if isinstance(failure, RdmaError):
            failure.delivered = self.delivered
        self._failure = failure
