"""TCP sender: whole frames, one after the other, or a broken connection."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import TYPE_CHECKING, Self

from aethermodel.bus.fabrics.key_exchange import PeerRefused, SharedKey
from aethermodel.bus.fabrics.protocol import Backlogged, Batch, Policy, StreamBroken, checked_policy
from aethermodel.bus.fabrics.tcp import congestion_control
from aethermodel.bus.fabrics.tcp.frames import (
    EVENTS,
    HEAD_BYTES,
    RECEIPT_BYTES,
    RECEIPTS,
    STREAM_BYTES,
    pack_head,
    unpack_receipt,
)
from aethermodel.bus.fabrics.tcp.greeting import introduce
from cython_core import as_bytes, frame_checksum, record_type

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

# Frames after which the receipts are read, so that they do not fill their connection.
_FRAMES_A_LOOK = 64


class TcpSender:
    """The side that connected; made by `connect`.

    Any number of tasks may send: their batches go one after the other.

    Parameters
    ----------
    connection : socket.socket
        Connected stream socket whose other end is known; this sender closes it.
    policy : {"block", "fail"}
        What to do where the kernel takes nothing more. What it took cannot be dropped.
    receipts : socket.socket, optional
        Over which the receiver tells how many batches it released; closed as well.
    most : int, optional
        Most events that the receiver takes a batch.
    record : RecordType, numpy.dtype or int, optional
        What is sent, as for `cython_core.record_type`; the 64-byte event by default.

    Attributes
    ----------
    sent : int
        Batches that were sent whole.

    Raises
    ------
    ValueError
        If the policy is not possible.
    """

    label = "kernel-tcp"

    def __init__(
        self,
        connection: socket.socket,
        policy: Policy = "block",
        *,
        receipts: socket.socket | None = None,
        most: int | None = None,
        record: Record | None = None,
    ) -> None:
        self.policy = checked_policy(policy, "tcp", ("block", "fail"))
        connection.setblocking(False)
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            congestion_control.choose(connection)
        self._connection = connection
        self._receipts = receipts
        self._receipts_known = receipts is not None
        self._receipt = b""  # the part of one that came
        self._most = most
        self._record = record_type(record)
        self._turn = asyncio.Lock()
        self._in_turn = 0  # who has the lock or waits for it
        self._rest: list[memoryview] = []  # of the frame that the kernel has a part of
        self._room: asyncio.Future[None] | None = None  # done when it has the rest
        self._ended = False  # in good order, or by `close`
        self._broken: str | None = None  # or why
        self.sent = 0
        self._released = 0

    @classmethod
    async def connect(
        cls,
        port: int,
        host: str = "127.0.0.1",
        policy: Policy = "block",
        *,
        key: SharedKey | None = None,
        timeout: float = 30.0,
        record: Record | None = None,
    ) -> Self:
        """Connect to a `TcpListener`; over loopback unless told otherwise.

        Parameters
        ----------
        port : int
        host : str
        policy : {"block", "fail"}
        key : SharedKey, optional
            The listener's; else the environment's (`SharedKey.from_environment`).
        timeout : float
            Seconds until both sides have proved that they know the key.
        record : RecordType, numpy.dtype or int, optional
            What is sent; the listener's is of the same size.

        Raises
        ------
        PeerRefused
            If the listener does not know the key, does not let this side in, takes records of
            another size, or takes too long.
        OSError
            If nobody listens there, or the key's file cannot be read.
        ValueError
            If there is no key.
        """
        key = key or SharedKey.from_environment()
        if key is None:
            raise ValueError("a sender needs the key of its listener, as an argument or by file")
        checked_policy(policy, "tcp", ("block", "fail"))
        stream = secrets.token_bytes(STREAM_BYTES)
        own = record_type(record)
        opened = list[socket.socket]()
        try:
            async with asyncio.timeout(timeout) as limit:
                for kind in (EVENTS, RECEIPTS):
                    opened.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                    opened[-1].setblocking(False)
                    await asyncio.get_running_loop().sock_connect(opened[-1], (host, port))
                    most, size = await introduce(opened[-1], kind, stream, key)
                    if size != own.itemsize:
                        raise PeerRefused(
                            f"the listener takes records of {size} bytes, not of {own.itemsize}"
                        )
            return cls(opened[0], policy, receipts=opened[1], most=most, record=own)
        except BaseException as error:
            for connection in opened:
                connection.close()
            if isinstance(error, TimeoutError) and limit.expired():
                raise PeerRefused(f"the listener proved nothing within {timeout:g} s") from None
            raise

    @property
    def unconfirmed(self) -> int:
        """Batches sent that the receiver has not said it released, as far as is known now.

        Those may have been handled all the same where the receiver was killed before it could say
        so; the others surely were.
        """
        self._read_receipts()
        return self.sent - self._released

    async def send(self, batch: Batch) -> None:
        """Send one batch, whole; it stays unchanged until this returns.

        A send that is cancelled before its first byte was taken did nothing. One that is cancelled
        later breaks the connection, as the rest of its frame is not to follow: the receiver gets
        the batches before it and SenderLost. Where the cancellation came in the moment in which
        the last byte was taken the batch was sent; `sent` tells.

        Raises
        ------
        Backlogged
            If the kernel's buffer is full and the policy is ``fail``; nothing was sent then.
        ValueError
            If `batch` is no contiguous batch of events, is larger than the receiver takes, or
            comes after `end`.
        StreamBroken
            If the receiver is gone, or a cancelled send or `close` broke the connection.
        """
        events = as_bytes(batch, self._record).data
        if not len(batch):
            return
        if self._most is not None and len(batch) > self._most:
            raise ValueError(f"the receiver takes {self._most} events a batch, not {len(batch)}")
        if self._in_turn == 0:  # the usual case: nobody sends, and the kernel takes all at once
            rest = self._begin(events, len(batch))
            if rest is None:
                return
        elif self.policy == "fail":
            raise Backlogged("another send waits for the kernel on this connection")
        else:
            rest = None
        self._in_turn += 1
        try:
            # Without a wait where nobody is in turn: no other frame comes between.
            async with self._turn:
                rest = rest or self._begin(events, len(batch))
                if rest:
                    await self._finish(rest)
        finally:
            self._in_turn -= 1

    async def end(self, handled_within: float = 0.0) -> None:
        """Say that nothing follows, and close; idempotent.

        Parameters
        ----------
        handled_within : float
            Seconds to wait until the receiver has released every batch; 0: do not wait.

        Raises
        ------
        StreamBroken
            If the connection is broken; or it was waited for, and the receiver hung up or did not
            release every batch. Its `unconfirmed` says how many.
        """
        self._in_turn += 1
        try:
            async with self._turn:
                if self._ended:
                    return
                rest = self._begin(memoryview(b""), 0)
                if rest:
                    await self._finish(rest)
                self._ended = True
                self._connection.close()
                if handled_within > 0:
                    await self._all_released(handled_within)
        finally:
            self._in_turn -= 1
            if self._ended or self._broken is not None:
                self.close()

    def close(self) -> None:
        """Hang up; without `end` the receiver gets SenderLost. Idempotent."""
        self._read_receipts()
        self._break("it was closed")
        self._ended = True
        if self._receipts:
            self._receipts.close()
            self._receipts = None

    # ---- frames

    def _check_open(self) -> None:
        if self._broken is not None:
            raise self._error(self._broken)
        if self._ended:
            raise ValueError("this sender has ended and takes nothing more")

    def _error(self, why: str) -> StreamBroken:
        left = self.unconfirmed
        message = f"nothing more can be sent, as {why}"
        if self._receipts_known:
            message += f"; {left} of {self.sent} batches sent are not known to be handled"
        return StreamBroken(message, sent=self.sent, unconfirmed=left)

    def _break(self, why: str) -> None:
        """Close the connection where it is; whoever waits for it is told."""
        if self._connection.fileno() < 0:
            return
        if self._room:
            self._room.get_loop().remove_writer(self._connection)
            if not self._room.done():
                self._room.set_exception(self._error(why))
        self._connection.close()
        if not self._ended:
            self._broken = why

    def _begin(self, events: memoryview, count: int) -> list[memoryview] | None:
        """Give a frame to the kernel; returns what it did not take, None if it took all."""
        self._check_open()
        if self.sent % _FRAMES_A_LOOK == 0:
            self._read_receipts()
        head = pack_head(count, self.sent, frame_checksum(events, self._record.itemsize))
        try:
            taken = self._connection.sendmsg((head, events))
        except BlockingIOError:
            if self.policy == "fail" and count:
                raise Backlogged("the kernel takes nothing more on this connection") from None
            taken = 0
        except OSError as error:
            raise self._gone(error) from None
        if taken == len(head) + len(events):
            self.sent += count > 0
            return None
        return _after([memoryview(head), events], taken)

    async def _finish(self, rest: list[memoryview]) -> None:
        """Give the kernel the rest of a frame, or break the connection."""
        self._rest = rest
        before, count = sum(map(len, rest)), len(rest[-1])
        whole = before >= HEAD_BYTES + count  # nothing of it was taken yet
        try:
            await self._all_taken()
        except StreamBroken:
            raise
        except OSError as error:
            raise self._gone(error) from None
        except asyncio.CancelledError:
            if self._rest and not (whole and sum(map(len, self._rest)) == before):
                self._break("a send was cancelled in the middle of its frame")
            raise
        finally:
            if not self._rest:  # even if cancelled in that moment
                self.sent += count > 0

    def _gone(self, error: OSError) -> StreamBroken:
        self._break(f"the receiver is gone ({error.strerror or error})")
        return self._error(self._broken or "")

    async def _all_taken(self) -> None:
        loop = asyncio.get_running_loop()
        room = self._room = loop.create_future()

        def push() -> None:
            try:
                self._rest = _after(self._rest, self._connection.sendmsg(self._rest))
            except BlockingIOError:
                pass
            except OSError as error:
                loop.remove_writer(self._connection)
                if not room.done():  # cancelled, and its task has yet to hear of it
                    room.set_exception(error)
            else:
                if not self._rest:
                    loop.remove_writer(self._connection)
                    if not room.done():
                        room.set_result(None)

        loop.add_writer(self._connection, push)
        try:
            await room
        finally:
            self._room = None
            if self._connection.fileno() >= 0:
                loop.remove_writer(self._connection)

    # ---- receipts

    def _read_receipts(self) -> None:
        """Take in what the receiver has told so far."""
        link = self._receipts
        while link:
            try:
                told = link.recv(65_536)
            except BlockingIOError:
                return
            except OSError:
                told = b""
            if not told or not self._take_in(told):
                link.close()
                self._receipts = link = None

    def _take_in(self, told: bytes) -> bool:
        told = self._receipt + told
        whole = len(told) // RECEIPT_BYTES * RECEIPT_BYTES
        self._receipt = told[whole:]
        if whole:  # each says how many in all: the newest is enough
            released = unpack_receipt(told[whole - RECEIPT_BYTES : whole])
            if released is None or not self._released <= released <= self.sent:
                return False
            self._released = released
        return True

    async def _all_released(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        why = "the receiver hung up"
        while self.unconfirmed and self._receipts:
            left = deadline - loop.time()
            if left <= 0:
                why = f"the receiver did not release all within {seconds:g} s"
                break
            news = loop.create_future()
            loop.add_reader(self._receipts, _tell, news)
            try:
                await asyncio.wait((news,), timeout=left)
            finally:
                loop.remove_reader(self._receipts)
        if self.unconfirmed:
            raise self._error(why)


def _after(parts: list[memoryview], taken: int) -> list[memoryview]:
    """Return what is left after the first `taken` bytes."""
    while parts and taken >= len(parts[0]):
        taken -= len(parts[0])
        parts = parts[1:]
    return [parts[0][taken:], *parts[1:]] if taken else parts


def _tell(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
