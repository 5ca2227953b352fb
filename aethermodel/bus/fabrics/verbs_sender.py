"""The sending side of the verbs fabric: batches leave from the memory they were made in."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from aethermodel.bus.fabric import Backlogged, Batch, Policy, checked_policy
from aethermodel.bus.fabrics.verbs_connection import Connection, ring_capacity
from aethermodel.bus.fabrics.verbs_exchange import GRACE, dial
from cython_core import EVENT_BYTES, Ring
from cython_core.verbs import BatchStream
from cython_core.verbs.errors import PeerDiedError, RdmaError

#: Turns of the event loop that a wait for room gives the others before it sleeps, and how
#: long it then sleeps, in seconds.
TURNS = 64
PAUSE = 0.0005
#: Requests that may be in flight.
REQUESTS = 128


class VerbsSender:
    """The side that connects; made by `connect`.

    A batch is sent when `commit` or `send` returns, or, in lists of more than one, when the
    list is full or the event loop turns.

    Parameters
    ----------
    connection : Connection
        Connected.
    stream : BatchStream
        Aimed at the receiver's ring.
    rings : (Ring, Ring)
        Both ends of this side's ring.
    granted : int
        Batches for which the receiver has taken precautions from the start.
    policy : {"block", "fail"}
        What to do where the receiver's ring is full.

    Attributes
    ----------
    label : {"soft-roce", "rdma-nic"}
    delivered : int
        Events that are known to be in the receiver's memory.
    """

    def __init__(
        self,
        connection: Connection,
        stream: BatchStream,
        rings: tuple[Ring, Ring],
        granted: int,
        policy: Policy,
    ) -> None:
        self.label = connection.label
        self.policy = policy
        self.delivered = 0
        self._connection = connection
        self._stream = stream
        self._ring, self._tail = rings
        self._granted = granted
        self._position = 0  # events committed
        self._unacknowledged: deque[int] = deque()  # events of each batch
        self._unconsumed: deque[int] = deque()
        self._acknowledged = 0  # batches
        self._failure: Exception | None = None
        self._flushing: asyncio.Handle | None = None
        self._open = True
        self._goodbye = False  # said
        self._loop = asyncio.get_running_loop()
        self._socket = connection.exchange.fileno()
        self._loop.add_reader(self._socket, self._hung_up)

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

        Raises
        ------
        ValueError
            If the policy is not possible, or p and k do not fit.
        OSError, RefusedError
            If nobody listens there, or not who knows the secret.
        RdmaError
            If there is no device, or it refuses.
        """
        checked = checked_policy(policy, "verbs", ("block", "fail"))

        def make() -> tuple[Connection, BatchStream, tuple[Ring, Ring], int]:
            connection = Connection(dial(secret, port, host), device=device, sends=REQUESTS)
            try:
                remote = connection.swap()
                if list_length > remote.granted:
                    raise ValueError(
                        f"lists of {list_length} exceed the receiver's {remote.granted} receives"
                    )
                rings = Ring.pair(ring_capacity(remote))
                try:
                    stream = BatchStream(
                        connection.queue_pair,
                        connection.register(rings[0]),
                        slots=REQUESTS,
                        list_length=list_length,
                        signal_every=signal_every,
                    )
                    connection.keep(stream)
                    stream.aim(remote)
                except BaseException:
                    for end in rings:
                        end.abort()
                    raise
                return connection, stream, rings, remote.granted
            except BaseException:
                connection.close()
                raise

        return cls(*await asyncio.to_thread(make), checked)

    @property
    def counters(self) -> dict[str, int]:
        """Exact counts: ``posts``, ``signalled``, ``completions``, ``flushed``."""
        return self._stream.counters

    @property
    def consumed(self) -> int:
        """Events that the receiver's consumer is known to have released."""
        return self._position - sum(self._unconsumed)

    async def reserve(self, n: int) -> Batch:
        """Return room for `n` events to make in place; `commit` sends them without a copy.

        Raises
        ------
        Backlogged
            If there is no room and the policy is ``fail``.
        PeerDiedError
            If the receiver is gone; its ``delivered`` counts events.
        ValueError
            If `n` is not 1 to the ring's capacity, or the stream has ended.
        """
        if self._open and 1 <= n <= self._ring.capacity and not self._fits(n):
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
        PeerDiedError
            If the receiver is gone.
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
        Backlogged, PeerDiedError, ValueError
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
        PeerDiedError
            If the receiver went before.
        """
        if not self._open:
            return
        try:
            await self._until(lambda: self._fits(0))
            self._goodbye = True
            self._guarded(lambda: self._stream.place(0, 0, 0))
            self._guarded(lambda: self._stream.flush(finish=True))
            await self._until(lambda: self._stream.completed == self._stream.placed)
            self._count()
        finally:
            self.close()

    def close(self) -> None:
        """Hang up; without `end` the receiver gets SenderLost. Idempotent."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._socket)
        if self._flushing:
            self._flushing.cancel()
        self._connection.close()
        for ring in (self._ring, self._tail):
            ring.abort()

    # ---- inside

    def _fits(self, events: int) -> bool:
        """Whether ring, send queue and receive queue have room for one more batch."""
        return self._ring.available >= events and self._stream.room > self._stream.pending

    def _place(self, events: int) -> None:
        """Queue what was committed last, and post it where a list is full."""
        offset = self._position % self._ring.capacity * EVENT_BYTES
        self._position += events
        self._guarded(lambda: self._stream.place(offset, events * EVENT_BYTES, events))
        self._unacknowledged.append(events)
        self._unconsumed.append(events)
        if self._stream.pending == self._stream.list_length:
            self._flush()
        elif self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush_late)

    def _flush(self) -> None:
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None
        self._guarded(self._stream.flush)

    def _flush_late(self) -> None:
        self._flushing = None
        if self._failure is None:
            with contextlib.suppress(RdmaError):  # kept: the next call raises it
                self._flush()

    def _settle(self) -> None:
        """Take what has completed, and what the consumer has given back."""
        self._guarded(self._stream.poll)
        self._count()

    def _count(self) -> None:
        while self._acknowledged < self._stream.completed and self._unacknowledged:
            self.delivered += self._unacknowledged.popleft()
            self._acknowledged += 1
        given_back = self._stream.granted - self._granted
        sent = self._acknowledged + len(self._unacknowledged)
        events = 0
        while self._unconsumed and sent - len(self._unconsumed) < given_back:
            events += self._unconsumed.popleft()
        if events:
            self._tail.peek(events, timeout=0)
            self._tail.release(events)

    async def _until(self, ready: Callable[[], bool]) -> None:
        """Wait for credits and completions: a credit is written by the device, in silence."""
        turns = 0
        while True:
            self._check()
            if ready():
                return
            if self._stream.pending:
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

    def _guarded(self, call: Callable[[], object]) -> None:
        """Call, and tell the peer's death from other faults."""
        try:
            call()
        except RdmaError as error:
            self._count()
            died = self._connection.exchange.ended(GRACE)
            self._failure = self._died() if died else error
            raise self._failure from error

    def _hung_up(self) -> None:
        self._loop.remove_reader(self._socket)
        self._connection.queue_pair.abort()
        # The first request that is flushed tells exactly how many went before it.
        while self._failure is None:
            try:
                self._settle()
            except RdmaError:
                break
        if self._goodbye and self._stream.completed == self._stream.placed:
            self._failure = None  # the receiver had all, and hung up first

    def _died(self) -> PeerDiedError:
        return PeerDiedError(
            f"the receiver died: {self.delivered} events delivered, {self.consumed} consumed",
            delivered=self.delivered,
        )
