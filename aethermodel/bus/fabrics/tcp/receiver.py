"""TCP receiver: reads straight into a pool of aligned batches."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, cast

from aethermodel.bus.fabrics.protocol import Batch, EndOfStream, SenderLost
from aethermodel.bus.fabrics.tcp.frames import HeadReader, pack_receipt
from cython_core import RecordType, allocate, as_bytes, frame_checksum, record_type

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

# Receipts are so far apart at least: one for each of many small batches would cost as much as it.
_RECEIPT_SECONDS = 1e-3
# And so far where the sender does not read them: of those that wait only the newest counts.
_UNREAD_SECONDS = 0.05


class TcpReceiver(asyncio.BufferedProtocol):
    """The side that was connected to; made by `TcpListener.accept`.

    Parameters
    ----------
    most : int, optional
        Most events a batch may have; a head that says more ends the stream. 65,536 unless they
        are larger than 64 bytes: then as many as have as many bytes.
    pool : int
        Batches made in advance. Where all are full nothing more is read, and TCP's own
        flow control holds the sender back. At least 2.
    timeout : float
        Seconds within which a frame that began must be whole.
    receipts : asyncio.Transport, optional
        Over which the sender is told how many batches were released.
    record : RecordType, numpy.dtype or int, optional
        What is received, as for `cython_core.record_type`; the 64-byte event by default.

    Attributes
    ----------
    waiting : int
        Events of the whole batches that were read.
    released : int
        Batches that were handled and given back.

    Raises
    ------
    ValueError
        If a number is too small.
    """

    label = "kernel-tcp"
    copies = 2  # into the sender's kernel and out of the receiver's

    def __init__(
        self,
        most: int | None = None,
        pool: int = 4,
        *,
        timeout: float = 30.0,
        receipts: asyncio.Transport | None = None,
        record: Record | None = None,
    ) -> None:
        kind = record_type(record)
        most = most_events(kind) if most is None else most
        check_pool(most, pool, timeout)
        self._most = most
        self._timeout = timeout
        self._record_bytes = kind.itemsize
        self._free = deque(allocate(most, kind) for _ in range(pool))
        self._ready: deque[tuple[Batch, int]] = deque()
        self._out: Batch | None = None
        self._out_events = 0
        self._head = HeadReader()
        self._target = self._head.wire  # where the next bytes go
        self._read = 0
        self._events = 0  # of the frame whose head came
        self._checksum = 0
        self._frames = 0
        self._began: float | None = None  # when the frame that comes did
        self._timer: asyncio.TimerHandle | None = None
        self._ended: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = self._closed = False
        self._receipts = receipts
        self._told = 0  # batches that the last receipt spoke of, and when it went
        self._told_at = 0.0
        self._receipt_timer: asyncio.TimerHandle | None = None
        self.waiting = 0
        self.released = 0

    # ---- what the consumer calls

    async def receive(self) -> Batch:
        """Return the oldest batch that came whole.

        Raises
        ------
        EndOfStream
            If all was received and the sender ended the stream.
        SenderLost
            If the connection ended otherwise, or what came is no frame.
        RuntimeError
            If the last batch was not released, or another task waits here.
        """
        if self._out is not None:
            raise RuntimeError("release the last batch first: one is out at a time")
        if self._news:
            raise RuntimeError("another task waits for this receiver's next batch")
        while not self._ready:
            if self._ended:
                raise self._ended.with_traceback(None)
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        self._out, self._out_events = self._ready.popleft()
        self.waiting -= self._out_events
        return self._out[: self._out_events]

    def release(self) -> None:
        """Give the batch's memory back to the pool: it is read into again. Idempotent."""
        if self._out is None:
            return
        self._free.append(self._out)
        self._out = None
        self.released += 1
        if self._receipts and not self._receipt_timer:
            self._owe_receipt(self._receipts)
        if self._paused and self._transport and not self._ended:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Tell the sender what was released, and close the connection; idempotent."""
        self._closed = True
        if self._receipt_timer:
            self._receipt_timer.cancel()
        if self._receipts:
            self._send_receipt(self._receipts)
            self._receipts.close()
        if self._transport:
            self._transport.abort()

    @property
    def dead(self) -> bool:
        """Whether the connection broke and left no batch."""
        return isinstance(self._ended, SenderLost) and not self._ready

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        if self._closed:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes belong: the head, or the batch itself."""
        return self._target[self._read :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what was read."""
        if self._ended:
            return  # already read when the stream was found broken
        self._read += nbytes
        if self._began is None:
            self._began = monotonic()
            if self._timer is None:
                self._watch(self._timeout)
        if self._read < len(self._target):
            return
        self._read = 0
        if self._events:
            self._take_batch()
        else:
            self._take_head()

    def eof_received(self) -> bool:
        """Close; without the farewell the stream was cut."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Let the consumer know, after the batches that came whole."""
        where = "in the middle of a frame" if self._events or self._read else "without an end"
        self._finish(SenderLost(f"the sender hung up {where}, after {self._frames} whole batches"))

    # ---- frames

    def _take_head(self) -> None:
        head = self._head.read()
        if head is None or head[1] != self._frames:
            self._refuse("what came is no frame")
        elif head[0] > self._most:
            self._refuse(f"a batch of {head[0]} events came, and {self._most} are the most")
        elif head[0] == 0:
            self._finish(EndOfStream())
        else:
            self._events, _, self._checksum = head
            self._target = as_bytes(self._free[0][: self._events]).data

    def _take_batch(self) -> None:
        if frame_checksum(self._target, self._record_bytes) != self._checksum:
            self._refuse("a batch was damaged on its way")
            return
        self._began = None
        self._frames += 1
        self._ready.append((self._free.popleft(), self._events))
        self.waiting += self._events
        self._events = 0
        self._target = self._head.wire
        self._tell()
        if not self._free and self._transport:
            self._paused = True
            self._transport.pause_reading()

    def _refuse(self, why: str) -> None:
        self._finish(SenderLost(f"{why}; {self._frames} whole batches came before"))

    def _watch(self, seconds: float) -> None:
        """Look again in a while whether a frame that began has become whole."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._began is None or self._ended:
            return
        left = self._began + self._timeout - monotonic()
        if left <= 0:
            self._refuse(f"half a frame came, and not the rest within {self._timeout:g} s")
        else:
            self._watch(left)

    def _finish(self, end: Exception) -> None:
        if self._ended is None:
            self._ended = end
            if self._timer:
                self._timer.cancel()
            self._tell()
            if self._transport:
                self._transport.abort() if isinstance(end, SenderLost) else self._transport.close()

    def _tell(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)

    # ---- receipts

    def _owe_receipt(self, link: asyncio.Transport) -> None:
        """Tell the sender what was released, now or in a moment."""
        left = self._told_at + _RECEIPT_SECONDS - monotonic()
        if left <= 0:
            self._send_receipt(link)
        else:
            loop = asyncio.get_running_loop()
            self._receipt_timer = loop.call_later(left, self._send_receipt, link)

    def _send_receipt(self, link: asyncio.Transport) -> None:
        self._receipt_timer = None
        if self._told == self.released or link.is_closing():
            return
        if link.get_write_buffer_size() and not self._closed:
            loop = asyncio.get_running_loop()
            self._receipt_timer = loop.call_later(_UNREAD_SECONDS, self._send_receipt, link)
            return
        link.write(pack_receipt(self.released))
        self._told, self._told_at = self.released, monotonic()


# Bytes of the largest batch, unless told otherwise.
_MOST_BYTES = 65_536 * 64


def most_events(record: RecordType) -> int:
    """Return how many events a batch may have where nobody says."""
    return min(65_536, _MOST_BYTES // record.itemsize)


def check_pool(most: int, pool: int, timeout: float) -> None:
    """Raise ValueError if a receiver cannot be of these measures."""
    if most < 1 or pool < 2:
        raise ValueError(f"a pool has 2 batches or more of 1 event or more, not {pool} of {most}")
    if not 0 < timeout < float("inf"):
        raise ValueError(f"a time limit is above 0 seconds, not {timeout!r}")
