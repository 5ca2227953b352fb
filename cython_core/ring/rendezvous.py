"""Rendezvous by name, for processes that share neither a parent nor a socket."""

import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from cython_core.closing import Closing

Handle = TypeVar("Handle", bound=Closing)

# Said by who asked once it has the end: only then is the offer served.
_TAKEN = b"aether-ring taken"
# Seconds that an asker may take for that.
_PATIENCE = 5.0


class Lendable(Protocol):
    """What is offered: a `RingHandle`."""

    def lend(self, sock: socket.socket) -> None:
        """Send it to the process at the other side, and stay usable."""

    def close(self) -> None:
        """Let go of it."""


class RingOffer(Closing):
    """An end of a ring waiting under a name; the first process of this user that asks gets it.

    The name leads to a socket, not to the memory: 128 random bits, made exclusively,
    mode 0600, gone once served or closed.

    Attributes
    ----------
    name : str
        What `Ring.attach` takes.
    """

    def __init__(self, handle: Lendable, directory: str | Path | None) -> None:
        where = directory or os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        self.name = str(Path(where) / f"aether-{secrets.token_hex(16)}")
        self._handle = handle
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._bound = False
        try:
            # The mode is the socket's before it has a name, so there is no moment in
            # which others may connect; bind refuses a name that exists.
            os.fchmod(self._socket.fileno(), 0o600)
            self._socket.bind(self.name)
            self._bound = True
            self._socket.listen(8)
        except BaseException:
            self.close()
            raise

    def serve(self, timeout: float | None = None) -> None:
        """Wait for the other process and send it the end.

        Parameters
        ----------
        timeout : float, optional
            Seconds; for ever by default.

        Raises
        ------
        TimeoutError
            If nobody came, or none of those who came lived to take it.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._socket.settimeout(_left(deadline))
            peer, _ = self._socket.accept()
            with peer:
                if self._given_to(peer, deadline):
                    break
        self._handle.close()
        self.close()

    def _given_to(self, peer: socket.socket, deadline: float | None) -> bool:
        """Give the end to who asked; whether that process has it.

        A stranger (root may pass any mode), or one that dies over it, does not end the offer.
        """
        try:
            self._handle.lend(peer)
            left = _left(deadline)
            peer.settimeout(_PATIENCE if left is None else min(left, _PATIENCE))
            return peer.recv(len(_TAKEN)) == _TAKEN
        except OSError:
            return False

    def close(self) -> None:
        """Withdraw the offer; idempotent. The handle, if not served, stays usable."""
        self._socket.close()
        if self._bound:
            self._bound = False
            Path(self.name).unlink(missing_ok=True)


def find(
    name: str, receive: Callable[[socket.socket], Handle], timeout: float | None = 10.0
) -> Handle:
    """Ask for the end offered under `name`.

    Parameters
    ----------
    name : str
        From `RingOffer.name`.
    receive : callable
        Takes the end from the connected socket: `RingHandle.receive`.
    timeout : float, optional
        Seconds to wait for the offering process to serve.

    Raises
    ------
    PermissionError
        If the name, or the process behind it, belongs to another user, or others may use it.
    FileNotFoundError, ConnectionRefusedError
        If nobody offers that name (any more).
    ValueError
        If the name is not a socket.
    TimeoutError
        If the offer was not served in time.
    ConnectionError
        If the offering process went away meanwhile.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    found = Path(name).lstat()
    if not stat.S_ISSOCK(found.st_mode):
        raise ValueError(f"{name} is not the name of an offered ring")
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{name} must belong to this user alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(_left(deadline))
        sock.connect(name)
        sock.settimeout(_left(deadline))
        handle = receive(sock)
        try:
            # Refused where the end was offered to somebody else in the meantime.
            sock.sendall(_TAKEN)
        except OSError:
            handle.close()
            raise
        return handle


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
