"""Received batches: commits what the device wrote, and returns credits to the sender."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace

from aethermodel.bus.fabrics.verbs.connection import Connection, smallest_ring
from aethermodel.bus.fabrics.verbs.exchange import GRACE, Exchange
from aethermodel.bus.fabrics.verbs.recovery import Recovery
from aethermodel.bus.fabrics.verbs.side import Side
from aethermodel.bus.fabrics.verbs.wait import CompletionReader
from cython_core import Ring, RingError
from cython_core.verbs import Endpoint, ReceiveStream
from cython_core.verbs.errors import PeerDiedError, RdmaError

#: Seconds until a credit is told again that had to wait for earlier ones.
RETELL = 0.001


@dataclass(frozen=True)
class Landing:
    """One connection to the sender, and the stream of what comes by it."""

    connection: Connection
    stream: ReceiveStream
    own: Endpoint

    @classmethod
    def make(
        cls,
        exchange: Exchange,
        ring: Ring,
        receives: int,
        device: str | None,
        *,
        start: int = 0,
        held: int = 0,
        timeout: float | None = None,
    ) -> Landing:
        """Connect, and go on from message `start`, of which `held` before are unreleased."""
        connection = Connection(device, receives=receives)
        try:
            memory = connection.register(ring, remote_write=True)
            stream = ReceiveStream(
                connection.queue_pair, slots=receives, release_every=1, start=start, held=held
            )
            connection.keep(stream)
            endpoint = connection.queue_pair.endpoint(memory)
            own = replace(endpoint, record_bytes=ring.record.itemsize)
            connection.connect(exchange, own, exchange.swap(own, timeout))
        except BaseException:
            connection.close()
            raise
        return cls(connection, stream, own)


class Arrivals(Side[Landing]):
    """The producer's end of a ring into which a remote sender writes; made by `land`.

    A batch lies in the ring when its completion comes: it is committed, never copied. When
    the consumer has released all of a batch, wherever it runs, the sender gets its credit.
    The sender's goodbye closes the ring, its death aborts it, so that the consumer learns
    of either as over shared memory, after the last whole batch. Of a fault that heals in
    time it learns nothing.

    Nothing holds the sender to what it has room for but itself: it may write to the ring,
    and to no other memory, at any time. Whoever knows the secret is trusted with that.

    Attributes
    ----------
    label : str
        ``"soft-roce"`` or ``"rdma-nic"``.
    failure : Exception or None
        What ended the connection otherwise than in good order; an `RdmaError` tells the
        events that were committed as its ``delivered``.
    """

    def __init__(
        self, exchange: Exchange, ring: Ring, landing: Landing, recovery: Recovery
    ) -> None:
        super().__init__(exchange, landing.connection, recovery)
        self.failure: Exception | None = None
        self._ring = ring
        self._landing = landing
        self._taken = 0  # messages whose batch is committed
        self._committed = 0  # events
        self._ends: deque[int] = deque()  # where the batches end that are not released
        self._past: dict[str, int] = {}  # what earlier streams counted
        self._later: asyncio.TimerHandle | None = None
        self._listen()

    @classmethod
    async def land(
        cls,
        exchange: Exchange,
        ring: Ring,
        *,
        receives: int = 64,
        device: str | None = None,
        recover_within: float = 10.0,
    ) -> Arrivals:
        """Connect to the sender at the other end of `exchange`.

        Parameters
        ----------
        exchange : Exchange
            Closed with the result, or here where it fails.
        ring : Ring
            A producer's end of at least 64 events that fill whole pages, empty; closed by the
            result.
        receives : int
            Batches that may be on their way or unreleased; at least the sender's list length.
        device : str, optional
            Name of the RDMA device.
        recover_within : float
            Seconds that a fault may last; 0 makes the first one final.

        Raises
        ------
        ValueError
            If the ring or `recover_within` does not do.
        RdmaError
            If the device refuses, or the peer is not who it should be.
        """
        try:
            if ring.capacity < (least := smallest_ring(ring.record)):
                raise ValueError(f"a ring for verbs holds at least {least} events")
            recovery = Recovery(recover_within)
            landing = await asyncio.to_thread(Landing.make, exchange, ring, receives, device)
        except BaseException:
            exchange.close()
            raise
        return cls(exchange, ring, landing, recovery)

    @property
    def counters(self) -> dict[str, int]:
        """Exact counts of the receiving stream, ``wakeups`` of the event loop, ``recoveries``."""
        now = self._landing.stream.counters | {"wakeups": self._reader.wakeups}
        totals = {name: count + self._past.get(name, 0) for name, count in now.items()}
        return totals | {"recoveries": self._recovery.count}

    def _listen(self) -> None:
        super()._listen()
        self._watch.add(self._ring.fileno(), self._released)
        self._reader = CompletionReader(self._loop, self.connection.arrivals, self._drain)

    def _stop_listening(self) -> None:
        if not self._listening:
            return
        super()._stop_listening()
        self._reader.close()
        if self._later:
            self._later.cancel()

    def _drain(self) -> bool:
        """Commit what has come; True while there may be more to do, or nothing at all any more."""
        stream = self._landing.stream
        before = stream.received
        try:
            stream.poll()
        except RdmaError as fault:
            self._interrupted(fault)  # what came before it has been counted all the same
            return True
        self._commit()
        self._give_back()
        return not self._listening or stream.received > before

    def _commit(self) -> None:
        events, ended = 0, False
        stream = self._landing.stream
        while self._taken < stream.received and not ended:
            count = int(stream.immediates[self._taken % stream.slots])
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

    def _released(self) -> None:
        self._ring.disarm()
        self._give_back()

    def _give_back(self) -> None:
        """Give credits for what the consumer has released, and ask to be woken at the next."""
        try:
            while self._listening and self._ends:
                behind = self._committed - self._ends[0]
                if self._ring.arm(self._ring.capacity - behind):
                    return
                passed = self._committed - (self._ring.capacity - self._ring.available)
                done = 0
                while self._ends and self._ends[0] <= passed:
                    self._ends.popleft()
                    done += 1
                self._landing.stream.release(done)
                self._retell()
        except RingError as error:
            self._finish(error)
        except RdmaError as fault:
            self._interrupted(fault)

    def _retell(self) -> None:
        self._later = None
        stream = self._landing.stream
        if self._listening and stream.untold:
            self._drain()
        if self._listening and stream.untold:
            self._later = self._loop.call_later(RETELL, self._retell)

    def _poll(self) -> None:
        self._landing.stream.poll()

    def _count(self) -> int:
        self._commit()
        return self._taken

    def _again(self, seconds: float) -> Landing:
        return Landing.make(
            self._exchange,
            self._ring,
            self._landing.stream.slots,
            self._landing.connection.device.name,
            start=self._taken,
            held=len(self._ends),
            timeout=seconds,
        )

    def _go_on(self, made: Landing) -> None:
        self._past = self.counters | {"granted": 0}  # that one counts from the start
        self._landing = made
        self._listen()
        self._give_back()

    def _fail(self, failure: Exception) -> None:
        if isinstance(failure, PeerDiedError):
            died = PeerDiedError(f"the sender died: {self._committed} events committed")
            died.__cause__ = failure.__cause__
            failure = died
        if isinstance(failure, RdmaError):
            failure.delivered = self._committed
        self._finish(failure)

    def _finish(self, failure: Exception | None) -> None:
        if not self._open:
            return
        self._open = False
        self.failure = failure
        self._stop_listening()
        if failure is not None:
            self._hang_up()
            self._ring.abort()
            return
        self.connection.close()
        self._watch.add(self._exchange.fileno(), self._answer)
        self._ring.close()

    def _answer(self) -> None:
        """Tell a sender that lost the acknowledgement of its goodbye that all has come."""
        last = replace(self._landing.own, delivered=self._taken)
        try:
            if not self._exchange.ended():
                self._exchange.swap(last, GRACE)
                return
        except (OSError, RdmaError):
            pass  # it hung up meanwhile
        self.close()

    def close(self) -> None:
        """Hang up; the sender gets PeerDiedError, the consumer no more than it has. Idempotent."""
        if self._open:
            self._finish(ConnectionAbortedError("the receiver closed"))
        elif self.failure is None and self._exchange.fileno() >= 0:
            self._watch.close()
            self._exchange.close()
