"""Verbs listener: several peers may ask at once, and those with the key are admitted.

Who connects and says nothing, talks nonsense or hangs up takes a place for some seconds, and
neither delays nor ends the others' greetings.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import selectors
import socket
import time
from collections import deque
from multiprocessing.connection import wait

from aethermodel.bus.fabrics.verbs.exchange import (
    LEAST_SECRET,
    PATIENCE,
    Conversation,
    Exchange,
    RefusedError,
    greeting,
)

#: Peers that may be in the middle of their greeting; one more takes the place of the oldest.
MOST_ASKING = 64
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class Asker:
    """A peer that has connected and is being greeted, in as many pieces as it sends."""

    def __init__(self, connection: socket.socket, secret: bytes) -> None:
        self.connection = connection
        self.until = time.monotonic() + PATIENCE
        self._steps = greeting(secret, listening=True)
        self._got = bytearray()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._say(*next(self._steps))

    def _say(self, said: bytes, count: int) -> None:
        # All of a greeting fits into what an empty socket takes at once.
        if self.connection.send(said) < len(said):
            raise ConnectionError("the peer reads nothing")
        self._wanted = count

    def hear(self) -> Conversation | None:
        """Take what has come; return the conversation once the peer has proved itself.

        Raises
        ------
        RefusedError, OSError
            If it never will.
        """
        while True:
            try:
                part = self.connection.recv(self._wanted - len(self._got))
            except BlockingIOError:
                return None
            if not part:
                raise ConnectionResetError("the peer hung up")
            self._got += part
            if len(self._got) < self._wanted:
                continue
            answer, self._got = bytes(self._got), bytearray()
            try:
                self._say(*self._steps.send(answer))
            except StopIteration as end:
                conversation: Conversation = end.value
                return conversation


class Listener:
    """Wait for peers.

    Parameters
    ----------
    secret : bytes
        Known to both sides, at least 16 bytes.
    host : str
        Loopback by default; another address exposes the exchange to that network.
    port : int
        0 lets the system choose.

    Attributes
    ----------
    port : int
    refused : int
        Peers that did not prove themselves.

    Raises
    ------
    ValueError
        If the secret is too short.
    OSError
        If the port is taken.
    """

    def __init__(self, secret: bytes, host: str = "127.0.0.1", port: int = 0) -> None:
        if len(secret) < LEAST_SECRET:
            raise ValueError(f"the secret must have at least {LEAST_SECRET} bytes")
        self._secret = secret
        self._socket = socket.create_server((host, port), backlog=MOST_ASKING)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.refused = 0
        self._askers: dict[socket.socket, Asker] = {}  # oldest first
        self._welcome: deque[Exchange] = deque()
        self._turn = asyncio.Lock()
        self._events = selectors.EpollSelector()
        self._events.register(self._socket, selectors.EVENT_READ)

    def accept(self, timeout: float = 30.0) -> Exchange:
        """Return the conversation with the next peer that proves itself.

        Raises
        ------
        TimeoutError
            If none does within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (exchange := self._next()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._late(timeout)
            wait([self._events.fileno()], min(left, PATIENCE))
        return exchange

    async def arrival(self, timeout: float = 30.0) -> Exchange:
        """Return the same, on the running event loop and without a thread.

        Raises
        ------
        TimeoutError
            As `accept`.
        """
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        deadline = time.monotonic() + timeout
        await asyncio.wait_for(self._turn.acquire(), timeout)  # a loop has one reader of it
        loop.add_reader(self._events.fileno(), news.set)
        try:
            while (exchange := self._next()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._late(timeout)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, PATIENCE))
                news.clear()
            return exchange
        finally:
            loop.remove_reader(self._events.fileno())
            self._turn.release()

    def _late(self, timeout: float) -> TimeoutError:
        refused = f"; {self.refused} did not prove to know the secret" if self.refused else ""
        return TimeoutError(f"no peer within {timeout:g} s{refused}")

    def _next(self) -> Exchange | None:
        """Do what can be done without waiting; return a peer that has proved itself."""
        for asker in list(self._askers.values()):
            if asker.until < time.monotonic():
                self._refuse(asker.connection)
        for key, _ in self._events.select(0):
            if key.fileobj is self._socket:
                self._answer()
            elif key.fileobj in self._askers:
                self._hear(self._askers[key.fileobj])
        return self._welcome.popleft() if self._welcome else None

    def _answer(self) -> None:
        """Take one peer from the queue; the next call takes the next."""
        try:
            connection, _ = self._socket.accept()
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR and self._askers:
                self._refuse(next(iter(self._askers)))
            elif error.errno in _NO_DESCRIPTOR:
                raise
            return  # it hung up while it waited
        if len(self._askers) >= MOST_ASKING:
            self._refuse(next(iter(self._askers)))
        try:
            asker = Asker(connection, self._secret)
        except OSError:
            connection.close()
            self.refused += 1
            return
        self._askers[connection] = asker
        self._events.register(connection, selectors.EVENT_READ)

    def _hear(self, asker: Asker) -> None:
        try:
            conversation = asker.hear()
        except (RefusedError, OSError):
            self._refuse(asker.connection)
            return
        if conversation is not None:
            self._forget(asker.connection)
            self._welcome.append(Exchange(asker.connection, conversation))

    def _forget(self, connection: socket.socket) -> None:
        self._events.unregister(connection)
        del self._askers[connection]

    def _refuse(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()
        self.refused += 1

    def close(self) -> None:
        """Stop listening; idempotent."""
        for connection in list(self._askers):
            self._refuse(connection)
        while self._welcome:
            self._welcome.popleft().close()
        self._events.close()
        self._socket.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
