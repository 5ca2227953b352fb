"""The fabric through the kernel's TCP: a header, then the events as they are in memory."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import cast

from aethermodel.bus.fabric import (
    Backlogged,
    Batch,
    EndOfStream,
    Policy,
    SenderLost,
    checked_policy,
)
from cython_core import EVENT_BYTES, allocate, as_bytes

#: Magic and number of events; a header with no events ends the stream.
HEADER = struct.Struct("<4sI")
MAGIC = b"AEB1"


class TcpSender:
    """The side that connected.

    Parameters
    ----------
    connection : socket.socket
        Connected stream socket; this sender closes it.
    policy : {"block", "fail"}
        What to do where the kernel takes nothing more. What it took cannot be dropped.

    Raises
    ------
    ValueError
        If the policy is not possible.
    """

    label = "kernel-tcp"

    def __init__(self, connection: socket.socket, policy: Policy = "block") -> None:
        self.policy = checked_policy(policy, "tcp", ("block", "fail"))
        connection.setblocking(False)
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection

    @classmethod
    async def connect(
        cls, port: int, host: str = "127.0.0.1", policy: Policy = "block"
    ) -> TcpSender:
        """Connect to a `TcpListener`; over loopback unless told otherwise.

        Raises
        ------
        OSError
            If nobody listens there.
        """
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (host, port))
            return cls(connection, policy)
        except BaseException:
            connection.close()
            raise

    async def send(self, batch: Batch) -> None:
        """Send one batch, whole.

        Raises
        ------
        Backlogged
            If the kernel's buffer is full and the policy is ``fail``; nothing was sent then.
        ValueError
            If `batch` is no contiguous batch of events.
        OSError
            If the receiver is gone.
        """
        if not len(batch):
            return
        header, events = HEADER.pack(MAGIC, len(batch)), as_bytes(batch).data
        try:
            sent = self._connection.sendmsg([header, events])
        except BlockingIOError:
            if self.policy == "fail":
                raise Backlogged("the kernel takes nothing more on this connection") from None
            sent = 0
        loop = asyncio.get_running_loop()
        if sent < HEADER.size:
            await loop.sock_sendall(self._connection, header[sent:])
            sent = HEADER.size
        if sent < HEADER.size + events.nbytes:
            await loop.sock_sendall(self._connection, events[sent - HEADER.size :])

    async def end(self) -> None:
        """Say that nothing follows, and close; idempotent."""
        if self._connection.fileno() < 0:
            return
        try:
            farewell = HEADER.pack(MAGIC, 0)
            await asyncio.get_running_loop().sock_sendall(self._connection, farewell)
        finally:
            self._connection.close()

    def close(self) -> None:
        """Hang up; without `end` the receiver gets SenderLost. Idempotent."""
        self._connection.close()


class TcpReceiver(asyncio.BufferedProtocol):
    """The side that was connected to: reads straight into a pool of aligned batches.

    Parameters
    ----------
    most : int
        Most events a batch may have; a header that says more ends the connection.
    pool : int
        Batches made in advance. Where all are full nothing more is read, and TCP's own
        flow control holds the sender back. At least 2.

    Attributes
    ----------
    waiting : int
        Events of the whole batches that were read.

    Raises
    ------
    ValueError
        If a number is too small.
    """

    label = "kernel-tcp"
    copies = 2  # into the sender's kernel and out of the receiver's

    def __init__(self, most: int = 65_536, pool: int = 4) -> None:
        _check_pool(most, pool)
        self._most = most
        self._free = deque(allocate(most) for _ in range(pool))
        self._ready: deque[tuple[Batch, int]] = deque()
        self._out: Batch | None = None
        self._header = memoryview(bytearray(HEADER.size))
        self._target = self._header  # where the next bytes go
        self._read = 0
        self._ended: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.waiting = 0

    # ---- what the consumer calls

    async def receive(self) -> Batch:
        """Return the oldest batch that came whole.

        Raises
        ------
        EndOfStream
            If all was received and the sender ended the stream.
        SenderLost
            If the connection ended otherwise, or what came is not this protocol.
        """
        while not self._ready:
            if self._ended:
                raise self._ended
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        self._out, events = self._ready.popleft()
        self.waiting -= events
        return self._out[:events]

    def release(self) -> None:
        """Give the batch's memory back to the pool: it is read into again."""
        if self._out is not None:
            self._free.append(self._out)
            self._out = None
        if self._paused and self._transport and not self._ended:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self._transport:
            self._transport.abort()

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes belong: the header, or the batch itself."""
        return self._target[self._read :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what was read."""
        self._read += nbytes
        if self._read < len(self._target):
            return
        self._read = 0
        if self._target is not self._header:
            events = len(self._target) // EVENT_BYTES
            self._ready.append((self._free.popleft(), events))
            self.waiting += events
            self._target = self._header
            self._tell()
            self._make_room()
            return
        magic, events = HEADER.unpack(self._header)
        if magic != MAGIC or events > self._most:
            self._finish(SenderLost(f"no batch of at most {self._most} events is announced"))
        elif events == 0:
            self._finish(EndOfStream())
        else:
            self._target = as_bytes(self._free[0][:events]).data

    def eof_received(self) -> bool:
        """Close; without the farewell the stream was cut."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Let the consumer know, after the batches that came whole."""
        self._finish(SenderLost("the sender closed without ending the stream"))

    def _make_room(self) -> None:
        if not self._free and self._transport:
            self._paused = True
            self._transport.pause_reading()

    def _finish(self, end: Exception) -> None:
        if self._ended is None:
            self._ended = end
            self._tell()
            if self._transport:
                self._transport.close()

    def _tell(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)


def _check_pool(most: int, pool: int) -> None:
    if most < 1 or pool < 2:
        raise ValueError(f"a pool has 2 batches or more of 1 event or more, not {pool} of {most}")


class TcpListener:
    """Takes connections and hands out a receiver for each; made by `listen`.

    Attributes
    ----------
    port : int
        On which it listens.
    """

    def __init__(self, server: asyncio.Server, arrived: asyncio.Queue[TcpReceiver]) -> None:
        self._server = server
        self._arrived = arrived
        self.port: int = server.sockets[0].getsockname()[1]

    @classmethod
    async def listen(
        cls, port: int = 0, host: str = "127.0.0.1", *, most: int = 65_536, pool: int = 4
    ) -> TcpListener:
        """Listen; on loopback unless told otherwise, on a free port for 0.

        Raises
        ------
        ValueError
            As `TcpReceiver`.
        OSError
            If the port is taken.
        """
        _check_pool(most, pool)
        arrived: asyncio.Queue[TcpReceiver] = asyncio.Queue()

        def connected() -> TcpReceiver:
            receiver = TcpReceiver(most, pool)
            arrived.put_nowait(receiver)
            return receiver

        server = await asyncio.get_running_loop().create_server(connected, host, port)
        return cls(server, arrived)

    async def accept(self) -> TcpReceiver:
        """Return the receiver of the next connection."""
        return await self._arrived.get()

    def close(self) -> None:
        """Take no more connections; those that are there go on."""
        self._server.close()
