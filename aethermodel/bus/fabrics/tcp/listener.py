"""TCP listener: admits senders that prove the key, before anything is allocated."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from aethermodel.bus.fabrics.key_exchange import NONCE_BYTES, TAG_BYTES, SharedKey, nonce
from aethermodel.bus.fabrics.tcp.frames import (
    CONTEXT,
    EVENTS,
    HELLO_BYTES,
    MAGIC,
    RECEIPTS,
    STREAM_BYTES,
    WELCOME,
)
from aethermodel.bus.fabrics.tcp.receiver import TcpReceiver, check_pool, most_events
from cython_core import record_type

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

#: Connections that have not proved anything yet; of more the oldest is hung up on.
MOST_STRANGERS = 64


class TcpListener:
    """Takes connections and hands out a receiver for each sender; made by `listen`.

    A sender comes with two connections: one carries its events, the other the receipts back.
    Were both the same, a receipt that comes to a sender which has gone would reset the
    connection, and with it the events that are still on their way.

    Attributes
    ----------
    port : int
        On which it listens.
    key : SharedKey
        What senders must know.
    refused : int
        Connections that proved nothing, came too late, or found the backlog full.
    """

    def __init__(
        self,
        key: SharedKey,
        most: int | None,
        pool: int,
        timeout: float,
        backlog: int,
        record: Record | None = None,
    ) -> None:
        self.record = record_type(record)
        most = most_events(self.record) if most is None else most
        check_pool(most, pool, timeout)
        if backlog < 1:
            raise ValueError(f"at least 1 sender may wait to be accepted, not {backlog}")
        self.key = key
        self.port = 0
        self.refused = 0
        self.timeout = timeout
        self.most = most
        self._pool = pool
        self._backlog = backlog
        self._server: asyncio.Server | None = None
        self._strangers: dict[_Visitor, None] = {}  # the oldest first
        self._streams: dict[bytes, _Visitor] = {}  # proved, and without their other half
        self._arrived: deque[TcpReceiver] = deque()
        self._closed = False
        self._news = asyncio.Event()

    @classmethod
    async def listen(
        cls,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        key: SharedKey | None = None,
        most: int | None = None,
        pool: int = 4,
        timeout: float = 30.0,
        backlog: int = 16,
        record: Record | None = None,
    ) -> TcpListener:
        """Listen; on loopback unless told otherwise, on a free port for 0.

        Parameters
        ----------
        port : int
        host : str
        key : SharedKey, optional
            What senders must know; else the environment's (`SharedKey.from_environment`), else a
            fresh one, to be handed to the sender as `key`.
        most, pool, record
            As `TcpReceiver`.
        timeout : float
            Seconds that a sender has to prove itself; and, once it did, for each frame.
        backlog : int
            Senders that may wait to be accepted; more are refused.

        Raises
        ------
        ValueError
            If a number is out of range, or the environment holds no good key.
        OSError
            If the port is taken, or the key's file cannot be read.
        """
        key = key or SharedKey.from_environment() or SharedKey.fresh()
        listener = cls(key, most, pool, timeout, backlog, record)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Visitor(listener), host, port)
        listener._server = server
        listener.port = server.sockets[0].getsockname()[1]
        return listener

    async def accept(self) -> TcpReceiver:
        """Return the receiver of the next sender that proved itself.

        Raises
        ------
        ConnectionAbortedError
            If the listener is closed and nobody waits.
        """
        while True:
            self._forget_dead()
            if self._arrived:
                return self._arrived.popleft()
            if self._closed:
                raise ConnectionAbortedError("this listener is closed, and nobody waits")
            self._news.clear()
            await self._news.wait()

    @property
    def waiting(self) -> int:
        """Senders that wait to be accepted."""
        self._forget_dead()
        return len(self._arrived)

    def close(self) -> None:
        """Take no more connections; those that are there go on. Idempotent."""
        self._closed = True
        if self._server:
            self._server.close()
        for visitor in (*self._strangers, *self._streams.values()):
            visitor.leave()
        self._news.set()

    def _forget_dead(self) -> None:
        dead = [receiver for receiver in self._arrived if receiver.dead]
        for receiver in dead:
            receiver.close()
            self._arrived.remove(receiver)

    # ---- what visitors call

    def came(self, visitor: _Visitor) -> None:
        """Take note of a connection that has proved nothing yet."""
        if self._closed:
            visitor.leave()
            return
        self._strangers[visitor] = None
        if len(self._strangers) > MOST_STRANGERS:
            # An honest sender proves itself within a round trip: the oldest is the least so.
            next(iter(self._strangers)).leave()

    def proved(self, visitor: _Visitor, kind: bytes, stream: bytes) -> bool:
        """Take a connection that proved itself; whether there is a place for it."""
        self._strangers.pop(visitor, None)
        if kind == EVENTS:
            if stream in self._streams or len(self._streams) >= MOST_STRANGERS:
                return False
            self._streams[stream] = visitor
            return True
        events = self._streams.pop(stream, None)
        if events is None:
            return False
        if self.waiting >= self._backlog:
            events.leave()
            return False
        receipts = visitor.pass_on(_Deaf())
        receiver = TcpReceiver(
            self.most, self._pool, timeout=self.timeout, receipts=receipts, record=self.record
        )
        receiver.connection_made(events.pass_on(receiver))
        self._arrived.append(receiver)
        self._news.set()
        return True

    def gone(self, visitor: _Visitor, stream: bytes) -> None:
        """Take note that a connection ended before it had a receiver."""
        self.refused += 1
        self._strangers.pop(visitor, None)
        if self._streams.get(stream) is visitor:
            del self._streams[stream]


class _Deaf(asyncio.BufferedProtocol):
    """The connection that receipts go out on: nothing is to come in on it."""

    def __init__(self) -> None:
        self._room = memoryview(bytearray(64))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        pass


class _Visitor(asyncio.BufferedProtocol):
    """A connection that has no receiver yet: it is to say a hello, within the time limit."""

    def __init__(self, listener: TcpListener) -> None:
        self._listener = listener
        self._hello = memoryview(bytearray(HELLO_BYTES))
        self._read = 0
        self._stream = b""
        self._nonce = nonce()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._listener.timeout, self.leave)
        self._listener.came(self)
        if not self._transport.is_closing():
            self._transport.write(MAGIC + self._nonce)

    def get_buffer(self, sizehint: int) -> memoryview:
        # Whoever says more than a hello before it was answered has no room to say it in.
        return self._hello[self._read :] if self._read < HELLO_BYTES else memoryview(bytearray(1))

    def buffer_updated(self, nbytes: int) -> None:
        self._read += nbytes
        if self._read > HELLO_BYTES:
            self.leave()
        if self._read != HELLO_BYTES:
            return
        hello = bytes(self._hello)
        body, tag = hello[:-TAG_BYTES], hello[-TAG_BYTES:]
        kind, stream = body[:1], body[1 : 1 + STREAM_BYTES]
        key = self._listener.key.conversation(CONTEXT, self._nonce, body[-NONCE_BYTES:])
        if kind not in (EVENTS, RECEIPTS) or not key.proves(tag, body):
            self.leave()
            return
        self._stream = stream
        transport = self._transport
        assert transport
        if not self._listener.proved(self, kind, stream):
            self.leave()
            return
        most = WELCOME.pack(self._listener.most, self._listener.record.itemsize)
        transport.write(most + key.tag(most))

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timer()
        self._listener.gone(self, self._stream)

    def leave(self) -> None:
        """Hang up."""
        self._stop_timer()
        if self._transport:
            self._transport.abort()

    def pass_on(self, protocol: asyncio.BaseProtocol) -> asyncio.Transport:
        """Give the connection to a protocol that goes on with it, and return it."""
        self._stop_timer()
        assert self._transport
        self._transport.set_protocol(protocol)
        return self._transport

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
