"""Peer liveness: a Unix socket and a process descriptor tell of death at once.

The socket hangs up when its last holder goes. That alone is not enough: a child
forked in between holds a copy and keeps the line open for a dead parent. So each
end greets the other with a descriptor of its own process, which the kernel makes
readable when that process dies, whoever holds copies of it.

An epoll instance of the link's own joins the two. Whoever waits watches that one, from the
start, and is told of the peer's death whichever part of the program took in the greeting.
"""

import contextlib
import os
import select
import socket

GREETING = b"aether-ring end"


class Link:
    """One end of the line to the peer.

    Parameters
    ----------
    fd : int
        A connected ``SOCK_SEQPACKET`` Unix socket, owned from here on.

    Raises
    ------
    OSError
        If it is no socket, or descriptors do not suffice.

    Attributes
    ----------
    pidfd : int
        Descriptor of the peer's process, -1 until it has greeted.
    """

    def __init__(self, fd: int) -> None:
        try:
            self._socket = socket.socket(fileno=fd)
        except OSError:
            os.close(fd)  # no socket at all
            raise
        self._socket.setblocking(False)
        self.pidfd = -1
        self._alive = True
        try:
            self._news = select.epoll(2)
        except OSError:
            self._socket.close()
            raise
        self._news.register(self._socket, select.EPOLLIN)
        own: list[int] = []
        # Where process descriptors are not to be had, hang-up has to do.
        with contextlib.suppress(OSError):
            own.append(os.pidfd_open(os.getpid()))
        try:
            # A peer that is gone already, or never reads, is found out by `alive`.
            with contextlib.suppress(OSError):
                socket.send_fds(self._socket, [GREETING], own, socket.MSG_DONTWAIT)
        finally:
            for descriptor in own:
                os.close(descriptor)

    def fileno(self) -> int:
        """Return what is readable when `alive` has something to take in; -1 once closed."""
        return -1 if self._news.closed else self._news.fileno()

    def alive(self) -> bool:
        """Take in what the peer sent, and tell whether it still lives."""
        # At most a few messages a call: a peer that floods the line must not hold us. Each call
        # says that it does not wait, as the socket's own flag is also the sender's to change.
        flags = socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
        for _ in range(4):
            try:
                message, fds, _, _ = socket.recv_fds(self._socket, len(GREETING), 1, flags)
            except BlockingIOError:
                break
            except OSError:
                self._alive = False
                break
            if message == GREETING and self.pidfd < 0 and fds:
                self._meet(fds.pop())
            for stray in fds:
                os.close(stray)
            if not message:
                self._alive = False
                break
        if self._alive and self.pidfd >= 0:
            watch = select.poll()
            watch.register(self.pidfd, select.POLLIN)
            self._alive = not watch.poll(0)
        return self._alive

    def _meet(self, pidfd: int) -> None:
        try:
            self._news.register(pidfd, select.EPOLLIN)
        except (OSError, ValueError):  # nothing that could ever tell, or closed meanwhile
            os.close(pidfd)
        else:
            self.pidfd = pidfd

    def close(self) -> None:
        """Hang up; idempotent. In a forked child, the parent's line stays as it is."""
        self._socket.close()
        self._news.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
