"""Timed exchanges over TCP: a batch there, a record back, with the time on both clocks.

The other host reads the clock when the last byte of a batch has come, compares its checksum, and
reads it again as it answers. What lies between is in no round trip: what it takes to look at the
events is the kernel's term and not the fabric's. It looks before it answers, so that it has nothing
else to do while the answer is on its way, to a process of the same core perhaps.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from cython_core import crc32c

#: Bytes of an event, of an answer, and so of the smallest batch.
RECORD = 64
#: Most bytes of a batch: a million events.
MOST_BYTES = 1 << 26
#: Seconds within which an exchange has to end: longer than TCP retransmits a few times.
PATIENCE = 60.0
_HEAD = struct.Struct("<4sIQQ")
_ANSWER = struct.Struct("<4sIQqq")
_MAGIC, _END = b"AEX1", b"AEXE"
# Places in Linux's struct tcp_info.
_TCP_INFO_BYTES = 104
_MSS, _PMTU, _RETRANSMITS = 16, 60, 100
_ETHERNET = 14


class Exchange(NamedTuple):
    """One batch there and one record back.

    Attributes
    ----------
    sent, came : int
        Nanoseconds on the clock of the host that sent the batch.
    arrived, answered : int
        Nanoseconds on the other host's clock.
    resent, resent_there : int
        Packets that each side's connection, or RDMA device, has sent again so far.
    """

    sent: int
    arrived: int
    answered: int
    came: int
    resent: int
    resent_there: int

    @property
    def round_trip_ns(self) -> int:
        """Time on the way, both ways."""
        return (self.came - self.sent) - (self.answered - self.arrived)

    @property
    def offset_ns(self) -> float:
        """How far the other clock is ahead if both ways take equally long."""
        return ((self.arrived - self.sent) + (self.answered - self.came)) / 2


class Framing(NamedTuple):
    """What the wire carries beside the payload, as the kernel counts it.

    Attributes
    ----------
    segment : int
        Most bytes of payload a packet; 0 where it is not known.
    header : int
        Bytes that each packet has beside them, with those of Ethernet.
    message : int
        Bytes that the first and the last packet of a batch have beside these.
    """

    segment: int
    header: int
    message: int = 0

    @classmethod
    def of(cls, connection: socket.socket) -> Framing:
        """Read them of a connection."""
        info = _tcp_info(connection)
        if not info:
            return cls(0, 0)
        (segment,), (path,) = (struct.unpack_from("=I", info, at) for at in (_MSS, _PMTU))
        return cls(segment, max(path - segment, 0) + _ETHERNET)

    def wire_bytes(self, payload: int) -> int:
        """Return what a batch takes on the wire."""
        if not self.segment:
            return payload
        return payload + -(-payload // self.segment) * self.header + self.message


class Batch:
    """Events to send, with room for a head in place of the first.

    Parameters
    ----------
    events : bytes-like
        At least one record.
    """

    def __init__(self, events: bytes) -> None:
        self.wire = bytearray(events)
        self._checksum = crc32c(memoryview(self.wire)[RECORD:])

    def numbered(self, number: int) -> bytearray:
        """Return the bytes of the batch as the `number`-th of its connection."""
        _HEAD.pack_into(self.wire, 0, _MAGIC, self._checksum, len(self.wire), number)
        return self.wire


def is_damaged(batch: bytes, number: int) -> bool:
    """Return whether the bytes that came are not those of the `number`-th batch.

    Raises
    ------
    ConnectionError
        If they are no batch, or another one.
    """
    magic, checksum, size, own = _HEAD.unpack_from(batch)
    if magic != _MAGIC or size != len(batch) or own != number:
        raise ConnectionError("what came is no batch")
    return bool(checksum != crc32c(memoryview(batch)[RECORD:]))


def pack_answer(room: Any, resent: int, number: int, arrived: int) -> None:
    """Make the answer to the `number`-th batch, which is sent now."""
    _ANSWER.pack_into(room, 0, _MAGIC, resent, number, arrived, time.monotonic_ns())


def unpack_answer(answer: bytes | memoryview, number: int) -> tuple[int, int, int]:
    """Return when the `number`-th batch arrived and was answered, and what was sent again there.

    Raises
    ------
    ConnectionError
        If it is no answer, or one to another batch.
    """
    if len(answer) == RECORD:
        magic, resent, of, arrived, answered = _ANSWER.unpack_from(answer)
        if magic == _MAGIC and of == number:
            return arrived, answered, resent
    raise ConnectionError("the other host answered another batch")


class Calls(Protocol):
    """The side that sends batches and waits for the answers, over whatever carries them.

    Attributes
    ----------
    framing : Framing
    fresh_seconds : float
        After such a time it is known what was sent again.
    apart_seconds : float
        At most so long after an answer the next batch is to go, at random.
    """

    framing: Framing
    fresh_seconds: float
    apart_seconds: float

    def exchange(self, batch: Batch) -> Exchange:
        """Send a batch and wait for its answer."""

    def close(self) -> None:
        """Say that nothing follows, and hang up."""


class Caller:
    """Calls over TCP.

    Parameters
    ----------
    connection : socket.socket
        Its other end is served by `answer`; closed by `close`.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self.fresh_seconds = self.apart_seconds = 0.0
        self._connection = connection
        self._number = 0
        self._answer = memoryview(bytearray(RECORD))
        self.framing = Framing.of(connection)

    def exchange(self, batch: Batch) -> Exchange:
        """Send a batch and wait for its answer.

        Raises
        ------
        ConnectionError
            If the other side hung up, or answered something else.
        TimeoutError
            If it did not answer.
        """
        wire = batch.numbered(self._number)
        connection, answer, got = self._connection, self._answer, 0
        sent = time.monotonic_ns()
        connection.sendall(wire)
        while got < RECORD:
            part = connection.recv_into(answer[got:])
            if not part:
                raise ConnectionResetError("the other host hung up")
            got += part
        came = time.monotonic_ns()
        arrived, answered, resent_there = unpack_answer(answer, self._number)
        self._number += 1
        return Exchange(sent, arrived, answered, came, retransmits(connection), resent_there)

    def close(self) -> None:
        """Say that nothing follows, and hang up."""
        last = bytearray(RECORD)
        _HEAD.pack_into(last, 0, _END, 0, RECORD, self._number)
        with suppress(OSError):  # nobody is there to be told
            self._connection.sendall(last)
        self._connection.close()


class Answered(NamedTuple):
    """What the side that answers has seen.

    Attributes
    ----------
    batches : int
    damaged : int
        Of them, those whose checksum was wrong.
    """

    batches: int
    damaged: int


def answer(connection: socket.socket) -> Answered:
    """Answer every batch of a `Caller` until it ends; closes the connection.

    Raises
    ------
    ConnectionError
        If the caller hung up before its end, or sent no batch.
    TimeoutError
        If it was silent for too long.
    """
    with connection:
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        room = memoryview(bytearray(1 << 21))
        said, expected, damaged = bytearray(RECORD), 0, 0
        while True:
            got = _some(connection, room, 0, RECORD)
            magic, checksum, size, number = _HEAD.unpack_from(room)
            if magic == _END:
                return Answered(expected, damaged)
            fits = RECORD <= size <= MOST_BYTES and size % RECORD == 0 and got <= size
            if magic != _MAGIC or not fits or number != expected:
                raise ConnectionError("what came is no batch")
            if size > len(room):
                wider = memoryview(bytearray(size))
                wider[:got] = room[:got]
                room = wider
            _some(connection, room, got, size)
            arrived = time.monotonic_ns()
            damaged += checksum != crc32c(room[RECORD:size])
            pack_answer(said, retransmits(connection), number, arrived)
            connection.sendall(said)
            expected += 1


def _some(connection: socket.socket, room: memoryview, got: int, least: int) -> int:
    """Read until `least` bytes are there; return how many are."""
    while got < least:
        part = connection.recv_into(room[got:])
        if not part:
            raise ConnectionResetError("the other host hung up")
        got += part
    return got


def retransmits(connection: socket.socket) -> int:
    """Return how many segments a connection has sent again; 0 where the kernel does not say."""
    info = _tcp_info(connection)
    return int(struct.unpack_from("=I", info, _RETRANSMITS)[0]) if info else 0


def _tcp_info(connection: socket.socket) -> bytes:
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except (OSError, AttributeError):
        return b""
    return info if len(info) == _TCP_INFO_BYTES else b""
