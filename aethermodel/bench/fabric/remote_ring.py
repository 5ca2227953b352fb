"""Ring into a remote ring: timed exchanges over verbs, each batch written into the other's ring.

As the verbs fabric has it: both sides have a ring of one size, images of each other, and the device
writes a batch by RDMA from its place in the one to the same place in the other. Here there are two
such pairs, one for the batches and one for the answers. Either side sleeps until its device wakes
it. The endpoints, with the keys of the memory, are told in the session, which is authenticated.
"""

from __future__ import annotations

import random
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aethermodel.bench.fabric.device_counters import Resends
from aethermodel.bench.fabric.exchanges import (
    MOST_BYTES,
    PATIENCE,
    RECORD,
    Answered,
    Batch,
    Exchange,
    Framing,
    is_damaged,
    pack_answer,
    unpack_answer,
)
from aethermodel.bench.fabric.session import Session
from aethermodel.bus.fabrics.verbs.connection import Connection, ring_capacity, smallest_ring
from cython_core import Ring, record_type
from cython_core.verbs import BatchStream, Endpoint, ReceiveStream
from cython_core.verbs.errors import RdmaError

# Messages that may be on their way; one in so many is completed, or given back, aloud.
_SLOTS, _EVERY = 64, 16
_SOON = 30.0
# Most nanoseconds by which an answer waits.
_APART_NS = 100_000
# Bytes beside the payload: Ethernet, IP, UDP, base transport header, checksum; once a message the
# address that it is written to, and the immediate.
_ETHERNET, _IPV4, _IPV6, _UDP, _TRANSPORT, _CHECKSUM, _MESSAGE = 14, 20, 40, 8, 12, 4, 20
# InfiniBand has local headers and a second checksum instead of the first three.
_INFINIBAND = 10


class _Endpoints:
    """What a connection tells its peer, said in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def swap(self, own: Endpoint) -> Endpoint:
        """Say this side's endpoint and return the other's."""
        self._session.say({"endpoint": own.to_bytes().hex()})
        try:
            return Endpoint.from_bytes(bytes.fromhex(self._session.hear(_SOON)["endpoint"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectionError(f"the other host told no endpoint: {error}") from None


class RemoteRing:
    """One side: what it commits is written into the other's ring, what that commits into its own.

    Parameters
    ----------
    session : Session
        With the other side, which makes the same.
    device : str or None
        By default the first with an active port.
    events : int
        Most of a batch that comes.

    Attributes
    ----------
    resends : Resends

    Raises
    ------
    RdmaError
        If there is no such device, or it refuses.
    ConnectionError
        If the other side hangs up.
    """

    def __init__(self, session: Session, device: str | None, events: int) -> None:
        self._session, self._record = session, record_type(None)
        self._connection = Connection(device, sends=_SLOTS, receives=_SLOTS)
        self.resends = Resends(self._connection.device.name, self._connection.device.port)
        self._rings: list[Ring] = []
        try:
            self._connect(max(events, smallest_ring(self._record)))
        except BaseException:
            self.close()
            raise
        self._sent = self._taken = 0  # events, and messages
        self._waiting = select.poll()
        self._waiting.register(self._connection.arrivals.fileno(), select.POLLIN)
        self._waiting.register(session.fileno(), select.POLLIN)

    def _connect(self, events: int) -> None:
        connection, endpoints = self._connection, _Endpoints(self._session)
        self._landing, self._consumer = self._pair(1 << (events - 1).bit_length())
        memory = connection.register(self._landing, remote_write=True)
        self._receives = ReceiveStream(connection.queue_pair, slots=_SLOTS, release_every=_EVERY)
        connection.keep(self._receives)
        own = connection.queue_pair.endpoint(memory)
        remote = endpoints.swap(own)
        self._producer, self._tail = self._pair(ring_capacity(remote, self._record))
        self._sends = BatchStream(
            connection.queue_pair,
            connection.register(self._producer),
            slots=_SLOTS,
            signal_every=_EVERY,
        )
        connection.keep(self._sends)
        self._sends.aim(remote)
        connection.connect(endpoints, own, remote)

    def _pair(self, capacity: int) -> tuple[Ring, Ring]:
        ends = Ring.pair(capacity, record=self._record)
        self._rings += ends
        return ends

    @property
    def framing(self) -> Framing:
        """What the wire carries beside the payload."""
        device, each = self._connection.device, _TRANSPORT + _CHECKSUM
        if device.ethernet:
            mapped = device.gid[:12] == bytes(10) + b"\xff\xff"
            each += _ETHERNET + _UDP + (_IPV4 if mapped else _IPV6)
        else:
            each += _INFINIBAND
        return Framing(self._connection.queue_pair.mtu, each, _MESSAGE)

    def room(self, events: int) -> NDArray[np.uint8]:
        """Return bytes of this side's ring to make a batch in; `commit` sends it.

        Raises
        ------
        TimeoutError
            If the ring has no room for it.
        """
        return self._producer.reserve(events, timeout=0).view(np.uint8)

    def commit(self) -> None:
        """Have the device write what is in that room into the other's ring."""
        events = self._producer.claimed
        self._producer.commit()
        self._place(events)

    def end(self) -> None:
        """Tell the other side that nothing follows, and wait until it has that."""
        self._place(0, finish=True)
        self._sends.drain()

    def _place(self, events: int, *, finish: bool = False) -> None:
        offset = self._sent % self._producer.capacity * RECORD
        self._sends.place(offset, events * RECORD, events)
        self._sends.flush(finish=finish)
        self._sent += events

    def forget(self) -> None:
        """Make room of all that was sent, which the other side has taken."""
        if events := self._tail.available:
            self._tail.peek(events, timeout=0)
            self._tail.release(events)
        self._sends.poll()

    def arrival(self) -> int:
        """Wait for the next batch; return its events, 0 where nothing follows.

        Raises
        ------
        ConnectionResetError
            If the other side hangs up.
        TimeoutError
            If nothing comes for long.
        RdmaError
            Of the subclass that names the fault.
        """
        stream, queue = self._receives, self._connection.arrivals
        deadline = time.monotonic() + PATIENCE
        while not stream.poll(1):
            queue.arm()
            if stream.poll(1):  # it came in between, and wakes nobody
                break
            ready = self._waiting.poll(max(deadline - time.monotonic(), 0) * 1e3)
            queue.acknowledge()
            if not ready:
                raise TimeoutError("the other host has not answered in time")
            if all(fd == self._session.fileno() for fd, _ in ready):
                self._lost()
        events = int(stream.immediates[self._taken % stream.slots])
        self._taken += 1
        return events

    def turn(self) -> None:
        """Do what `arrival` does before it waits."""
        self._receives.poll(1)
        self._connection.arrivals.arm()
        self._receives.poll(1)
        self._waiting.poll(0)

    def _lost(self) -> None:
        """Say why the other side says something now, where it only ever hangs up."""
        self._session.hear(_SOON)
        raise ConnectionError("the other host broke off")

    def take(self, events: int) -> bytes:
        """Return what has arrived, once it is committed to this side's ring; it is released.

        Raises
        ------
        ConnectionError
            If it is more than the ring has room for.
        """
        try:
            self._landing.reserve(events, timeout=0)
        except (TimeoutError, ValueError):
            raise ConnectionError("the other host wrote more than there is room for") from None
        self._landing.commit()
        came = self._consumer.peek(events, timeout=0).tobytes()
        self._consumer.release(events)
        return came

    def give_back(self) -> None:
        """Let the other side send another message."""
        self._receives.release(1)

    def close(self) -> None:
        """Give everything back; idempotent."""
        self._connection.close()
        self.resends.close()
        for ring in self._rings:
            ring.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RingCaller:
    """The side that sends batches, by the calls of `aethermodel.bench.fabric.exchanges.Caller`.

    Parameters
    ----------
    session : Session
        Its other end is served by `answer_ring`.
    device : str or None
    """

    def __init__(self, session: Session, device: str | None) -> None:
        with _as_errors_of_the_system():
            self._ring = RemoteRing(session, device, 1)
        self.framing, self.fresh_seconds = self._ring.framing, self._ring.resends.fresh_seconds
        self.apart_seconds = _APART_NS * 2 / 1e9
        self._number = 0

    def exchange(self, batch: Batch) -> Exchange:
        """Send a batch and wait for its answer.

        Raises
        ------
        OSError
            If the other side hung up, answered something else or not at all, or the device failed.
        """
        ring = self._ring
        with _as_errors_of_the_system():
            wire = batch.numbered(self._number)
            ring.room(len(wire) // RECORD)[:] = np.frombuffer(wire, np.uint8)
            sent = time.monotonic_ns()
            ring.commit()
            events = ring.arrival()
            came = time.monotonic_ns()
            answer = ring.take(events) if events == 1 else b""
            ring.give_back()
            ring.forget()
        arrived, answered, resent_there = unpack_answer(answer, self._number)
        self._number += 1
        return Exchange(sent, arrived, answered, came, ring.resends.count(), resent_there)

    def turn(self) -> None:
        """Do what `exchange` does from the end of its sending until it waits."""
        self._ring.turn()

    def close(self) -> None:
        """Say that nothing follows, and give the device back."""
        try:
            with suppress(RdmaError, ValueError, TimeoutError):  # nobody is there to be told
                self._ring.end()
        finally:
            self._ring.close()


def answer_ring(session: Session, device: str | None, most_events: int) -> Answered:
    """Answer every batch of a `RingCaller` until it ends.

    Parameters
    ----------
    session : Session
    device : str or None
    most_events : int
        Of a batch.

    Raises
    ------
    OSError
        If the caller hung up before its end, or sent no batch, or the device failed.
    """
    if not 1 <= most_events <= MOST_BYTES // RECORD:
        raise ConnectionError(f"batches have 1 to {MOST_BYTES // RECORD:,} events")
    with _as_errors_of_the_system(), RemoteRing(session, device, most_events) as ring:
        expected, wrong, said, chance = 0, 0, ring.room(1), random.Random(0)
        while events := ring.arrival():
            arrived = time.monotonic_ns()
            wrong += is_damaged(ring.take(events), expected)
            # What the other host's device does at some time after a batch, such as to take its
            # acknowledgement, meets few of the answers then, and not each.
            until = arrived + chance.randrange(_APART_NS)
            while time.monotonic_ns() < until:
                pass
            pack_answer(said, ring.resends.count(), expected, arrived)
            ring.commit()
            ring.give_back()
            ring.forget()
            said = ring.room(1)
            expected += 1
        return Answered(expected, wrong)


@contextmanager
def _as_errors_of_the_system() -> Iterator[None]:
    """Raise what the device reports as an OSError, as a socket would."""
    try:
        yield
    except RdmaError as error:
        raise ConnectionError(f"verbs: {error}") from error
