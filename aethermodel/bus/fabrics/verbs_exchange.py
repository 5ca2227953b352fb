"""Tell each other the endpoints over TCP, authenticated; the open socket then tells of death.

Both sides know a secret. Each first says a random nonce; the key of the conversation is
HMAC-SHA256 of the secret over both, so that nothing recorded earlier passes. Every message
carries a tag over direction, number and body. The bodies are not encrypted: the socket
listens on loopback unless told otherwise.

Why not rdma_cm, which connects on Soft-RoCE as well (``rping`` and ``ib_send_bw -R`` do in the
guest): it authenticates nobody. An InfiniBand connection request carries 92 bytes of private
data, of which rdma_cm takes 36 for addresses (Linux, ``struct cma_hdr``), and the 56 that are
left hold no nonce, tag and endpoint. A second conversation would have to prove who is there,
and would be this one; and it is this socket that tells at once of an idle peer's death.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.errors import CompletionError, PeerDiedError

if TYPE_CHECKING:
    from cython_core.verbs import QueuePair

NONCE = 32
TAG = 32
LONGEST = 4096
LEAST_SECRET = 16
# A killed process closes its socket and its device at about the same time.
GRACE = 0.5


class RefusedError(ConnectionError):
    """The other side does not know the secret, or what came is not a message."""


class Exchange:
    """One conversation with a peer; made by `Listener.accept` or `dial`.

    Parameters
    ----------
    connection : socket.socket
        Connected; closed with this object.
    secret : bytes
        Known to both sides, at least 16 bytes, never sent.
    listening : bool
        Which of the two sides this is.
    timeout : float
        Seconds that one message may take.
    """

    def __init__(
        self, connection: socket.socket, secret: bytes, *, listening: bool, timeout: float = 5.0
    ) -> None:
        self._socket = connection
        self._sent = self._got = 0
        self._ours, self._theirs = (b"L", b"D") if listening else (b"D", b"L")
        self._ended = False
        try:
            if len(secret) < LEAST_SECRET:
                raise ValueError(f"the secret must have at least {LEAST_SECRET} bytes")
            connection.settimeout(timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own = secrets.token_bytes(NONCE)
            connection.sendall(own)
            other = self._read(NONCE)
            if own == other:
                raise RefusedError("the peer echoes")
            first, second = (own, other) if listening else (other, own)
            self._key = hmac.digest(secret, b"aethermodel verbs 1" + first + second, "sha256")
            self._say(b"{}")
            self._hear()
        except BaseException:
            connection.close()
            raise

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            if not part:
                self._ended = True
                raise ConnectionResetError("the peer hung up")
            parts += part
        return bytes(parts)

    def _tag(self, side: bytes, number: int, body: bytes) -> bytes:
        return hmac.digest(self._key, side + struct.pack(">Q", number) + body, "sha256")

    def _say(self, body: bytes) -> None:
        tag = self._tag(self._ours, self._sent, body)
        self._sent += 1
        self._socket.sendall(struct.pack(">I", len(body)) + body + tag)

    def _hear(self) -> bytes:
        (length,) = struct.unpack(">I", self._read(4))
        if length > LONGEST:
            raise RefusedError("the peer's message is too long")
        body = self._read(length)
        tag = self._read(TAG)
        if not hmac.compare_digest(tag, self._tag(self._theirs, self._got, body)):
            raise RefusedError("the peer does not know the secret")
        self._got += 1
        return body

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
            If it says nothing.
        """
        if timeout is not None:
            self._socket.settimeout(timeout)
        try:
            self._say(json.dumps(own.to_dict()).encode())
            body = self._hear()
        except (ConnectionResetError, BrokenPipeError) as error:
            raise PeerDiedError("the peer hung up during the exchange") from error
        try:
            return Endpoint.from_dict(json.loads(body))
        except ValueError as error:
            raise RefusedError(f"the peer's endpoint is not one: {error}") from error

    def fileno(self) -> int:
        """Return the socket, which becomes readable when the peer hangs up."""
        return self._socket.fileno()

    def ended(self, seconds: float = 0.0) -> bool:
        """Return whether the peer has hung up, after waiting up to `seconds` for it."""
        if not self._ended and select.select([self._socket], [], [], seconds)[0]:
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
                if stopped in select.select([self._socket, stopped], [], [])[0]:
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
    """

    def __init__(self, secret: bytes, host: str = "127.0.0.1", port: int = 0) -> None:
        self._secret = secret
        self._socket = socket.create_server((host, port), backlog=1)
        self.port: int = self._socket.getsockname()[1]

    def accept(self, timeout: float = 30.0) -> Exchange:
        """Return the conversation with the next peer that proves itself.

        Raises
        ------
        TimeoutError
            If none comes within `timeout` seconds.
        RefusedError
            If the one that came does not know the secret.
        """
        self._socket.settimeout(timeout)
        connection, _ = self._socket.accept()
        return Exchange(connection, self._secret, listening=True)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def dial(secret: bytes, port: int, host: str = "127.0.0.1", timeout: float = 30.0) -> Exchange:
    """Call a `Listener` and return the conversation."""
    connection = socket.create_connection((host, port), timeout)
    return Exchange(connection, secret, listening=False)
