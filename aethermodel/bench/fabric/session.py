"""Session of two hosts: authenticated messages over TCP, and connections that belong to it.

Both sides prove that they know the key, by HMAC-SHA256 over fresh random numbers of both, before
anything else is read. Each message after that has its number and side under its tag. Nothing is
encrypted: what is said are sizes, times and the facts of both hosts.
"""

from __future__ import annotations

import json
import queue
import secrets
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

from aethermodel.bus.fabrics.key_exchange import (
    NONCE_BYTES,
    TAG_BYTES,
    PeerRefused,
    SharedKey,
    nonce,
)
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError

#: Where a host listens unless told otherwise.
PORT = 18_520
#: Seconds that a greeting may take in all.
GREETING_SECONDS = 5.0
#: Connections that have not proved anything yet; more are hung up on.
MOST_STRANGERS = 64
#: The connection that carries messages, and those that are timed.
MESSAGES, TIMED = b"M", b"T"
_MAGIC = b"AEF1"
_CONTEXT = b"aethermodel fabric 1"
_TOKEN_BYTES = 16
_LENGTH = struct.Struct("<I")
_NUMBER = struct.Struct("<Q")
_MOST_MESSAGE = 64 << 20


class Address(NamedTuple):
    """Where a host listens: a name or an address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, text: str) -> Address:
        """Read ``HOST``, ``HOST:PORT``, an IPv6 address, or ``[IPV6]:PORT``.

        Raises
        ------
        ValueError
            If it is none of them.
        """
        host, port = text, ""
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ValueError(f"an address is HOST, HOST:PORT or [IPV6]:PORT, not {text!r}")
            port = rest[1:]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        if not host:
            raise ValueError(f"an address begins with a host, and {text!r} has none")
        if not port:
            return cls(host, PORT)
        if not (port.isascii() and port.isdigit() and 0 <= int(port) < 65_536):
            raise ValueError(f"a port is a number from 0 to 65535, not {port!r}")
        return cls(host, int(port))


class Session:
    """Messages between two hosts that have proved who they are.

    Parameters
    ----------
    connection : socket.socket
        Closed with this object.
    key : SharedKey
        Of this conversation alone.
    token : bytes
        What the timed connections of this session name.
    listening : bool
        Which of the two sides this is.
    """

    def __init__(
        self, connection: socket.socket, key: SharedKey, token: bytes, *, listening: bool
    ) -> None:
        self._connection, self._key, self.token = connection, key, token
        self._ours, self._theirs = (b"L", b"D") if listening else (b"D", b"L")
        self._said = self._heard = 0
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message of JSON values.

        Raises
        ------
        ConnectionError
            If the other side has hung up.
        """
        body = json.dumps(message, allow_nan=False).encode()
        tag = self._key.tag(self._ours + _NUMBER.pack(self._said) + body)
        self._said += 1
        self._connection.settimeout(60.0)
        self._connection.sendall(_LENGTH.pack(len(body)) + body + tag)

    def hear(self, seconds: float) -> dict[str, Any]:
        """Return the other side's next message.

        Raises
        ------
        PeerRefused
            If it is none, or of somebody else.
        ConnectionError
            If the other side has hung up.
        TimeoutError
            If it does not come whole within `seconds`.
        """
        deadline = time.monotonic() + seconds
        (length,) = _LENGTH.unpack(exactly(self._connection, _LENGTH.size, deadline))
        if length > _MOST_MESSAGE:
            raise PeerRefused("the other host said more than a message may hold")
        body = exactly(self._connection, length, deadline)
        tag = exactly(self._connection, TAG_BYTES, deadline)
        if not self._key.proves(tag, self._theirs + _NUMBER.pack(self._heard) + body):
            raise PeerRefused("a message that the other host did not say")
        self._heard += 1
        try:
            message = parse_json(body)
        except InputError as error:
            raise PeerRefused(f"the other host said no message: {error}") from None
        if not isinstance(message, dict):
            raise PeerRefused("the other host said no message")
        if "error" in message:
            raise ConnectionError(f"the other host: {message['error']}")
        return message

    def fileno(self) -> int:
        """Return the descriptor that is readable when the other side says something or hangs up."""
        return self._connection.fileno()

    def close(self) -> None:
        """Hang up; idempotent."""
        self._connection.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Admitted(NamedTuple):
    """A connection whose other end knows the key."""

    connection: socket.socket
    key: SharedKey
    kind: bytes
    token: bytes


class Door:
    """Listener that admits who knows the key.

    Parameters
    ----------
    address : Address
        Port 0: a free one.
    key : SharedKey

    Attributes
    ----------
    address : Address
        Where it listens.

    Raises
    ------
    OSError
        If the address is not this host's, or its port is taken.
    """

    def __init__(self, address: Address, key: SharedKey) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        place = (address.host, address.port)
        self._listener = socket.create_server(place, family=family, backlog=16)
        self.address = Address(address.host, self._listener.getsockname()[1])
        self._key = key
        self._admitted: queue.SimpleQueue[Admitted] = queue.SimpleQueue()
        self._strangers = threading.BoundedSemaphore(MOST_STRANGERS)
        threading.Thread(target=self._accept, daemon=True).start()

    def session(self) -> Session:
        """Wait for a host, without a limit, and return the session with it."""
        while True:
            came = self._next(None)
            if came.kind == MESSAGES:
                return Session(came.connection, came.key, came.token, listening=True)
            came.connection.close()

    def timed(self, session: Session, seconds: float) -> socket.socket:
        """Return the next connection of a session that is to be timed.

        Raises
        ------
        TimeoutError
            If none comes in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            came = self._next(deadline - time.monotonic())
            if came.kind == TIMED and secrets.compare_digest(came.token, session.token):
                return came.connection
            came.connection.close()

    def close(self) -> None:
        """Listen no longer; idempotent."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self, seconds: float | None) -> Admitted:
        try:
            return self._admitted.get(timeout=seconds if seconds is None else max(seconds, 0))
        except queue.Empty:
            raise TimeoutError("the other host did not connect in time") from None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not self._strangers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._admit, args=(connection,), daemon=True).start()

    def _admit(self, connection: socket.socket) -> None:
        # In a thread: who proves nothing keeps nobody else waiting.
        try:
            self._admitted.put(_admit(connection, self._key))
        except (OSError, ValueError):
            connection.close()
        finally:
            self._strangers.release()


def call(address: Address, key: SharedKey, seconds: float = 10.0) -> Session:
    """Call a host that listens, and return the session with it.

    Raises
    ------
    PeerRefused
        If it does not know the key, or is no listener of this kind.
    OSError
        If nobody listens there.
    """
    token = secrets.token_bytes(_TOKEN_BYTES)
    connection, conversation = _dial(address, key, MESSAGES, token, seconds)
    return Session(connection, conversation, token, listening=False)


def dial_timed(
    address: Address, key: SharedKey, session: Session, seconds: float = 10.0
) -> socket.socket:
    """Open one more connection of a session, to be timed."""
    return _dial(address, key, TIMED, session.token, seconds)[0]


def exactly(connection: socket.socket, count: int, deadline: float) -> bytes:
    """Return the next bytes of a connection, so many.

    Raises
    ------
    ConnectionResetError
        If the other side hangs up before.
    TimeoutError
        If they have not come by the deadline, on the clock of `time.monotonic`.
    """
    came = bytearray()
    while len(came) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the other host has not answered in time")
        connection.settimeout(left)
        try:
            part = connection.recv(min(count - len(came), 1 << 20))
        except TimeoutError:
            raise TimeoutError("the other host has not answered in time") from None
        if not part:
            raise ConnectionResetError("the other host hung up")
        came += part
    return bytes(came)


def _dial(
    address: Address, key: SharedKey, kind: bytes, token: bytes, seconds: float
) -> tuple[socket.socket, SharedKey]:
    try:
        connection = socket.create_connection((address.host, address.port), seconds)
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise ConnectionError(f"{address}: cannot be reached: {why}") from None
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        deadline = time.monotonic() + GREETING_SECONDS
        try:
            greeting = exactly(connection, len(_MAGIC) + NONCE_BYTES, deadline)
            if greeting[: len(_MAGIC)] != _MAGIC:
                raise PeerRefused(f"{address}: no aethermodel bench fabric listens there")
            own = nonce()
            conversation = key.conversation(_CONTEXT, greeting[len(_MAGIC) :], own)
            body = kind + token + own
            connection.sendall(body + conversation.tag(b"D" + body))
            answer = exactly(connection, TAG_BYTES, deadline)
        except (ConnectionResetError, BrokenPipeError):
            raise PeerRefused(f"{address}: hung up: has it another key?") from None
        if not conversation.proves(answer, b"L" + body):
            raise PeerRefused(f"{address}: does not know the key")
    except BaseException:
        connection.close()
        raise
    return connection, conversation


def _admit(connection: socket.socket, key: SharedKey) -> Admitted:
    deadline = time.monotonic() + GREETING_SECONDS
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    first = nonce()
    connection.settimeout(GREETING_SECONDS)
    connection.sendall(_MAGIC + first)
    body = exactly(connection, 1 + _TOKEN_BYTES + NONCE_BYTES, deadline)
    tag = exactly(connection, TAG_BYTES, deadline)
    kind, token, second = body[:1], body[1 : 1 + _TOKEN_BYTES], body[1 + _TOKEN_BYTES :]
    conversation = key.conversation(_CONTEXT, first, second)
    if not conversation.proves(tag, b"D" + body) or kind not in (MESSAGES, TIMED):
        raise PeerRefused("it does not know the key")
    connection.sendall(conversation.tag(b"L" + body))
    return Admitted(connection, conversation, kind, token)
