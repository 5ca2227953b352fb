"""Batches that the device has put into a ring: commit them, and tell the sender of room."""

from __future__ import annotations

import asyncio
from collections import deque

from aethermodel.bus.fabrics.verbs_connection import SMALLEST, Connection
from aethermodel.bus.fabrics.verbs_exchange import Exchange
from aethermodel.bus.fabrics.verbs_wait import CompletionReader
from cython_core import Ring, RingError
from cython_core.verbs import ReceiveStream
from cython_core.verbs.errors import RdmaError

#: Seconds until a credit is told again that had to wait for earlier ones.
RETELL = 0.001


class Arrivals:
    """The producer's end of a ring into which a remote sender writes; made by `land`.

    A batch lies in the ring when its completion comes: it is committed, never copied. When
    the consumer has released all of a batch, wherever it runs, the sender gets its credit.
    The sender's goodbye closes the ring, its death aborts it, so that the consumer learns
    of either as over shared memory, after the last whole batch.

    Nothing holds the sender to what it has room for but itself: it may write to the ring,
    and to no other memory, at any time. Whoever knows the secret is trusted with that.

    Attributes
    ----------
    label : str
        ``"soft-roce"`` or ``"rdma-nic"``.
    failure : Exception or None
        What ended the connection otherwise than in good order.
    """

    def __init__(self, connection: Connection, ring: Ring, stream: ReceiveStream) -> None:
        self.label = connection.label
        self.failure: Exception | None = None
        self._connection = connection
        self._ring = ring
        self._stream = stream
        self._taken = 0  # messages whose batch is committed
        self._committed = 0  # events
        self._ends: deque[int] = deque()  # where the batches end that are not released
        self._open = True
        self._later: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._watched = (connection.exchange.fileno(), ring.fileno())
        self._loop.add_reader(self._watched[0], self._hung_up)
        self._loop.add_reader(self._watched[1], self._released)
        self._reader = CompletionReader(self._loop, connection.arrivals, self._drain)

    @classmethod
    async def land(
        cls, exchange: Exchange, ring: Ring, *, receives: int = 64, device: str | None = None
    ) -> Arrivals:
        """Connect to the sender at the other end of `exchange`.

        Parameters
        ----------
        exchange : Exchange
            Closed with the result, or here where it fails.
        ring : Ring
            A producer's end of at least 64 events, empty; closed by the result.
        receives : int
            Batches that may be on their way or unreleased; at least the sender's list length.
        device : str, optional
            Name of the RDMA device.

        Raises
        ------
        ValueError
            If the ring does not do.
        RdmaError
            If the device refuses, or the peer is not who it should be.
        """

        def connect() -> tuple[Connection, ReceiveStream]:
            connection = Connection(exchange, device=device, receives=receives)
            try:
                memory = connection.register(ring, remote_write=True)
                stream = ReceiveStream(connection.queue_pair, slots=receives, release_every=1)
                connection.keep(stream)
                connection.swap(memory)
            except BaseException:
                connection.close()
                raise
            return connection, stream

        try:
            if ring.capacity < SMALLEST:
                raise ValueError(f"a ring for verbs holds at least {SMALLEST} events")
            connection, stream = await asyncio.to_thread(connect)
        except BaseException:
            exchange.close()
            raise
        return cls(connection, ring, stream)

    @property
    def counters(self) -> dict[str, int]:
        """Exact counts of the receiving stream, and ``wakeups`` of the event loop."""
        return self._stream.counters | {"wakeups": self._reader.wakeups}

    def _drain(self) -> bool:
        """Commit what has come; True while there may be more to do, or nothing at all any more."""
        failure: Exception | None = None
        before = self._stream.received
        try:
            self._stream.poll()
        except RdmaError as error:
            failure = error  # what came before it has been counted all the same
        self._commit()
        if failure is not None:
            self._finish(failure)
        return not self._open or self._stream.received > before

    def _commit(self) -> None:
        events, ended = 0, False
        slots = self._stream.slots
        while self._taken < self._stream.received and not ended:
            count = int(self._stream.immediates[self._taken % slots])
            self._taken += 1
            ended = count == 0
            events += count
            if count:
                self._ends.append(self._committed + events)
        if events:
            try:
                self._ring.reserve(events, timeout=0)
            except (RingError, TimeoutError, ValueError) as error:
                # The consumer is gone, or the sender wrote more than it had room for.
                self._finish(error)
                return
            self._ring.commit()
            self._committed += events
        if ended:
            self._finish(None)
        else:
            self._give_back()

    def _released(self) -> None:
        if self._open:
            self._ring.disarm()
            self._give_back()

    def _give_back(self) -> None:
        """Give credits for what the consumer has released, and ask to be woken at the next."""
        try:
            while self._open and self._ends:
                behind = self._committed - self._ends[0]
                if self._ring.arm(self._ring.capacity - behind):
                    return
                passed = self._committed - (self._ring.capacity - self._ring.available)
                done = 0
                while self._ends and self._ends[0] <= passed:
                    self._ends.popleft()
                    done += 1
                self._stream.release(done)
                self._retell()
        except (RingError, RdmaError) as error:
            self._finish(error)

    def _retell(self) -> None:
        self._later = None
        if self._open and self._stream.untold:
            self._drain()
        if self._open and self._stream.untold:
            self._later = self._loop.call_later(RETELL, self._retell)

    def _hung_up(self) -> None:
        """After the flush no batch can come any more: what was counted is final."""
        self._loop.remove_reader(self._watched[0])
        self._connection.queue_pair.abort()
        while self._open:
            self._drain()

    def _finish(self, failure: Exception | None) -> None:
        if not self._open:
            return
        self._open = False
        self.failure = failure
        self._reader.close()
        for descriptor in self._watched:
            self._loop.remove_reader(descriptor)
        if self._later:
            self._later.cancel()
        self._connection.close()
        if failure is None:
            self._ring.close()
        else:
            self._ring.abort()

    def close(self) -> None:
        """Hang up; the sender gets PeerDiedError, the consumer no more than it has. Idempotent."""
        self._finish(ConnectionAbortedError("the receiver closed"))
