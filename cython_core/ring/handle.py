"""Ring handle: one end, handed to another process.

What travels are descriptors: sealed anonymous memory, two eventfds and one end of
a socket pair. There is no name to guess or to leak, and the kernel frees all of it
when the last holder goes. They travel by inheritance (multiprocessing) or over a
Unix socket whose peer is of the same user.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable
from multiprocessing import reduction
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from cython_core.closing import Closing
from cython_core.events.record import EVENT_BYTES
from cython_core.events.record_type import RecordType
from cython_core.ring.rendezvous import RingOffer
from cython_core.ring.shared_memory import MOST_BYTES, allocate

Role = Literal["producer", "consumer"]
Policy = Literal["spin", "spin-then-wait", "wait"]
ROLES: tuple[Role, Role] = ("producer", "consumer")

_NOTE = struct.Struct("<12sI")
_NOTE_MAGIC = b"aether-ring\n"
_UCRED = struct.Struct("iII")
_SPENT = "this handle is spent: a ring's end opens once"


class RingHandle(Closing):
    """One end of a ring that nobody has opened yet; it opens once, in one process.

    Pass it to a `multiprocessing.Process` (fork, spawn or forkserver), send it over
    a Unix socket, or offer it by name. Opened or sent, it is spent.

    Attributes
    ----------
    role : {"producer", "consumer"}
        What the end will be.
    most_bytes : int or None
        The largest ring that `attach` opens, in bytes of its events; None for one that this
        process or its parent made.
    record : RecordType or None
        What the ring holds; None where nobody said so: the 64-byte event.
    """

    # The ring knows its handles, and so a handle does not know the ring: it is told.
    _opens_as: ClassVar[Callable[..., Any]]

    @classmethod
    def open_as(cls, ring: Callable[..., Any]) -> None:
        """Let `attach` open handles by calling `ring` with the handle and ``policy``."""
        cls._opens_as = ring

    def __init__(
        self,
        role: Role,
        memory: int,
        wake: int,
        wake_peer: int,
        link: int,
        most_bytes: int | None = None,
        record: RecordType | None = None,
    ) -> None:
        self.role: Role = role
        self.record = record
        self.most_bytes = most_bytes
        self._fds: tuple[int, ...] = (memory, wake, wake_peer, link)

    def __repr__(self) -> str:
        return f"<RingHandle of a {self.role}{'' if self._fds else ', spent'}>"

    def take(self) -> tuple[int, int, int, int]:
        """Give up the descriptors: memory, own eventfd, peer's eventfd, link.

        Raises
        ------
        ValueError
            If the handle is spent.
        """
        if not self._fds:
            raise ValueError(_SPENT)
        memory, wake, wake_peer, link = self._fds
        self._fds = ()
        return memory, wake, wake_peer, link

    def attach(self, *, policy: Policy = "spin-then-wait") -> Any:
        """Open the end in this process, as `Ring.attach` does.

        Parameters
        ----------
        policy : {"spin", "spin-then-wait", "wait"}
            How this end waits.

        Returns
        -------
        Ring
        """
        return type(self)._opens_as(self, policy=policy)

    def send(self, sock: socket.socket) -> None:
        """Send the end to the process at the other side of a connected Unix socket.

        Raises
        ------
        PermissionError
            If that process is of another user.
        OSError
            If it is gone; this handle is not spent then.
        ValueError
            If the handle is spent, or the socket is no Unix socket.
        """
        self.lend(sock)
        self.close()

    def lend(self, sock: socket.socket) -> None:
        """Send the end as `send` does, but stay usable: for a receiver that has yet to confirm."""
        _check_same_user(sock)
        if not self._fds:
            raise ValueError(_SPENT)
        socket.send_fds(sock, [_NOTE.pack(_NOTE_MAGIC, ROLES.index(self.role))], self._fds)

    @classmethod
    def receive(cls, sock: socket.socket, most_bytes: int = MOST_BYTES) -> Self:
        """Receive an end that `send` sent; the socket's own timeout holds.

        Parameters
        ----------
        sock : socket.socket
            A connected Unix socket.
        most_bytes : int
            The largest ring to open, in bytes of its events: how much of this host's memory
            the sender may name.

        Raises
        ------
        PermissionError
            If the sender is of another user.
        ValueError
            If what came is not an end of a ring.
        """
        _check_same_user(sock)
        note, fds, flags, _ = socket.recv_fds(sock, _NOTE.size, 4, socket.MSG_CMSG_CLOEXEC)
        magic, role = _NOTE.unpack(note) if len(note) == _NOTE.size else (b"", 0)
        cut = flags & socket.MSG_CTRUNC
        if magic != _NOTE_MAGIC or role >= len(ROLES) or len(fds) != 4 or cut:
            _close_all(fds)
            raise ValueError("what came over the socket is not an end of a ring")
        memory, wake, wake_peer, link = fds
        return cls(ROLES[role], memory, wake, wake_peer, link, most_bytes)

    def offer(self, directory: str | Path | None = None) -> RingOffer:
        """Offer the end under a random name, for a process that shares nothing with this one.

        Parameters
        ----------
        directory : path, optional
            Where the name lives; the user's runtime directory, else the temporary one.

        Returns
        -------
        RingOffer
        """
        return RingOffer(self, directory)

    def close(self) -> None:
        """Drop the end unopened; idempotent. The peer sees it as died."""
        fds, self._fds = self._fds, ()
        _close_all(fds)

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., "RingHandle"], tuple[Any, ...]]:
        if not self._fds:
            raise ValueError(_SPENT)
        fds = [reduction.DupFd(fd) for fd in self._fds]
        return _rebuild, (self.role, fds, self.most_bytes, self.record)


def make_ends(capacity: int, record: RecordType | None = None) -> tuple[RingHandle, RingHandle]:
    """Make a ring, and return a producer's handle and a consumer's.

    Parameters
    ----------
    capacity : int
        Events, a power of two from 1 to 2**31.
    record : RecordType, optional
        What they are; the 64-byte event by default.

    Raises
    ------
    ValueError
        On another capacity.
    OSError
        If memory or descriptors do not suffice; see `allocate`.
    """
    with contextlib.ExitStack() as undo:

        def keep(fd: int) -> int:
            undo.callback(os.close, fd)
            return fd

        memory = keep(allocate(capacity, record.itemsize if record else EVENT_BYTES))
        data = keep(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        space = keep(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        lines = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        links = [keep(line.detach()) for line in lines]
        copies = [keep(os.dup(fd)) for fd in (memory, data, space)]
        undo.pop_all()
    return (
        RingHandle("producer", memory, space, data, links[0], record=record),
        RingHandle("consumer", copies[0], copies[1], copies[2], links[1], record=record),
    )


def _check_same_user(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX:
        raise ValueError("a ring's end travels over a Unix socket only")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    if uid != os.geteuid():
        raise PermissionError(f"the peer is of user {uid}, not {os.geteuid()}")


def _close_all(fds: tuple[int, ...] | list[int]) -> None:
    for fd in fds:
        os.close(fd)


def _rebuild(
    role: Role, dups: list[Any], most_bytes: int | None, record: RecordType | None
) -> RingHandle:
    memory, wake, wake_peer, link = (dup.detach() for dup in dups)
    return RingHandle(role, memory, wake, wake_peer, link, most_bytes, record)
