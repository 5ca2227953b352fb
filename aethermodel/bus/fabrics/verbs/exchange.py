"""Endpoint exchange over TCP, authenticated; the open socket then tells of a peer's death.

Both sides know a secret. Each first says a random nonce; the key of the conversation is
HMAC-SHA256 of the secret over both, so that nothing recorded earlier passes. Then each proves
with a tag that it has the key, and from there on a message is an endpoint and its tag, over
direction, number and body. Everything has a fixed length, and a time within which all of it must
have come. The bodies are not encrypted: the socket listens on loopback unless told otherwise.

Why not rdma_cm, which connects on Soft-RoCE as well (``rping`` and ``ib_send_bw -R`` do in the
guest): it authenticates nobody. An InfiniBand connection request carries 92 bytes of private
data, of which rdma_cm takes 36 for addresses (Linux, ``struct cma_hdr``), and the 56 that are
left hold no nonce, tag and endpoint. A second conversation would have to prove who is there,
and would be this one; and it is this socket that tells at once of an idle peer's death.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from cython_core.verbs.endpoint import PACKED_BYTES, Endpoint
from cython_core.verbs.errors import CompletionError, PeerDiedError

if TYPE_CHECKING:
    from cython_core.verbs import QueuePair

NONCE = 32
TAG = 32
LEAST_SECRET = 16
#: Seconds that a greeting, and later a message, may take in all.
PATIENCE = 5.0
# A killed process closes its socket and its device at about the same time.
GRACE = 0.5


class RefusedError(ConnectionError):
    """The other side does not know the secret, or what came is not a message."""


class Conversation:
    """What makes the messages of a conversation tell who said them, and in which order.

    Parameters
    ----------
    key : bytes
        Of this conversation alone.
    listening : bool
        Which of the two sides this is.
    """

    def __init__(self, key: bytes, *, listening: bool) -> None:
        self._key = key
        self._ours, self._theirs = (b"L", b"D") if listening else (b"D", b"L")
        self._sent = self._got = 0

    def _tag(self, side: bytes, number: int, body: bytes) -> bytes:
        return hmac.digest(self._key, side + struct.pack(">Q", number) + body, "sha256")

    def seal(self, body: bytes = b"") -> bytes:
        """Return the next message of this side."""
        self._sent += 1
        return body + self._tag(self._ours, self._sent, body)

    def open(self, message: bytes) -> bytes:
        """Return the body of the peer's next message.

        Raises
        ------
        RefusedError
            If the peer does not have the key.
        """
        body, tag = message[:-TAG], message[-TAG:]
        self._got += 1
        if not hmac.compare_digest(tag, self._tag(self._theirs, self._got, body)):
            raise RefusedError("the peer does not know the secret")
        return body


#: Yields what to send and how many bytes to wait for then, and is sent these.
Greeting = Generator[tuple[bytes, int], bytes, Conversation]


def greeting(secret: bytes, *, listening: bool) -> Greeting:
    """Greet a peer, whatever the bytes go by.

    Parameters
    ----------
    secret : bytes
        Known to both sides, at least 16 bytes, never sent.
    listening : bool
        Which of the two sides this is.

    Raises
    ------
    RefusedError
        If the peer does not know the secret.
    ValueError
        If the secret is too short.
    """
    if len(secret) < LEAST_SECRET:
        raise ValueError(f"the secret must have at least {LEAST_SECRET} bytes")
    own = secrets.token_bytes(NONCE)
    other = yield own, NONCE
    if own == other:
        raise RefusedError("the peer echoes")
    first, second = (own, other) if listening else (other, own)
    key = hmac.digest(secret, b"aethermodel verbs 3" + first + second, "sha256")
    conversation = Conversation(key, listening=listening)
    conversation.open((yield conversation.seal(), TAG))
    return conversation


class Exchange:
    """One conversation with a peer; made by `Listener.accept` or `dial`.

    Parameters
    ----------
    connection : socket.socket
        Connected; closed with this object.
    conversation : Conversation
        From the greeting.
    timeout : float
        Seconds that one message may take in all.
    """

    def __init__(
        self, connection: socket.socket, conversation: Conversation, timeout: float = PATIENCE
    ) -> None:
        self._socket = connection
        self._conversation = conversation
        self._timeout = timeout
        self._ended = False

    @classmethod
    def greet(cls, connection: socket.socket, secret: bytes, timeout: float = PATIENCE) -> Exchange:
        """Greet whoever listens at the other end of `connection`, which is closed on failure.

        Raises
        ------
        RefusedError, ValueError
            As `greeting`.
        ConnectionError
            If the peer hangs up.
        TimeoutError
            If it has not answered in full within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            steps = greeting(secret, listening=False)
            answer: bytes | None = None
            try:
                while True:
                    said, count = steps.send(answer)  # type: ignore[arg-type]  # first None
                    answer = _ask(connection, said, count, deadline)
            except StopIteration as end:
                return cls(connection, end.value)
        except BaseException:
            connection.close()
            raise

    def swap(self, own: Endpoint, timeout: float | None = None) -> Endpoint:
        """Say this side's endpoint and return the peer's; again after each recovery.

        Parameters
        ----------
        own : Endpoint
        timeout : float, optional
            Seconds from now on, instead of those that the exchange was made with.

        Raises
        ------
        RefusedError
            If the peer is not who it should be, or talks nonsense.
        PeerDiedError
            If it hung up.
        TimeoutError
            If it has not said its own in full in time.
        """
        self._timeout = self._timeout if timeout is None else timeout
        said = self._conversation.seal(own.to_bytes())
        deadline = time.monotonic() + self._timeout
        try:
            message = _ask(self._socket, said, PACKED_BYTES + TAG, deadline)
        except (ConnectionResetError, BrokenPipeError) as error:
            self._ended = True
            raise PeerDiedError("the peer hung up during the exchange") from error
        body = self._conversation.open(message)
        try:
            return Endpoint.from_bytes(body)
        except ValueError as error:
            raise RefusedError(f"the peer's endpoint is not one: {error}") from error

    def fileno(self) -> int:
        """Return the socket, which becomes readable when the peer hangs up."""
        return self._socket.fileno()

    def ended(self, seconds: float = 0.0) -> bool:
        """Return whether the peer has hung up, after waiting up to `seconds` for it."""
        if not self._ended and wait([self._socket], seconds):
            try:
                self._ended = not self._socket.recv(1, socket.MSG_PEEK)
            except ConnectionError:
                self._ended = True
        return self._ended

    @contextlib.contextmanager
    def guard(self, queue_pair: QueuePair, delivered: Callable[[], int]) -> Iterator[None]:
        """Within the block, the peer's death ends every wait on `queue_pair`.

        An idle reliable connection sees no death: the socket does. The watching thread
        then flushes the queue pair, which wakes whoever waits for it.

        Parameters
        ----------
        queue_pair : QueuePair
        delivered : callable
            Returns the messages that count as delivered, asked for at the end.

        Raises
        ------
        PeerDiedError
            In place of the completion error that follows from the death.
        """
        stop, stopped = socket.socketpair()

        def watch() -> None:
            while not self.ended():
                if stopped in wait([self._socket, stopped]):
                    return
            with contextlib.suppress(ValueError):  # closed in the meantime
                queue_pair.abort()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        except CompletionError as error:
            if not self.ended(GRACE):
                raise
            count = delivered()
            raise PeerDiedError(f"the peer died; {count} messages", delivered=count) from error
        finally:
            stop.close()
            thread.join()
            stopped.close()

    def hang_up(self) -> None:
        """End the conversation; whoever waits for the peer in another thread is told at once."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up; a second call does nothing."""
        self._socket.close()

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _ask(connection: socket.socket, said: bytes, count: int, deadline: float) -> bytes:
    """Say something and wait for so many bytes, both within one deadline."""
    connection.settimeout(_left(deadline))
    connection.sendall(said)
    parts = bytearray()
    while len(parts) < count:
        connection.settimeout(_left(deadline))
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionResetError("the peer hung up")
        parts += part
    return bytes(parts)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the peer has not answered in time")
    return left


def dial(secret: bytes, port: int, host: str = "127.0.0.1", timeout: float = 30.0) -> Exchange:
    """Call a `Listener` and return the conversation.

    Raises
    ------
    OSError, RefusedError, ValueError
        If nobody listens there; else as `Exchange.greet`.
    """
    return Exchange.greet(socket.create_connection((host, port), timeout), secret)
