"""Path of a datagram through the kernel: from its UDP to the socket that it is for."""

from __future__ import annotations

import socket
import statistics
import time

from aethermodel.bench.fabric.exchanges import RECORD

_DATAGRAMS = 200
# Of Linux: what is sent waits until it is taken off.
_UDP_CORK = 1


def udp_seconds() -> float:
    """Return what the kernel takes to send a record that it holds, and to receive it.

    Over loopback. A corked socket holds the datagram, with all that a process does to send it
    done. What lets it go also delivers it: the receiver's side runs before the call returns.

    Raises
    ------
    OSError
        If there is no loopback, as in a new network namespace.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
    ):
        far.bind(("127.0.0.1", 0))
        near.connect(far.getsockname())
        far.settimeout(1.0)
        with_one, without = [], []
        for _ in range(_DATAGRAMS):
            near.setsockopt(socket.IPPROTO_UDP, _UDP_CORK, 1)
            near.send(bytes(RECORD))
            with_one.append(_let_go(near))
            far.recv(RECORD)
            near.setsockopt(socket.IPPROTO_UDP, _UDP_CORK, 1)
            without.append(_let_go(near))
    return max(statistics.median(with_one) - statistics.median(without), 0.0)


def _let_go(corked: socket.socket) -> float:
    start = time.monotonic_ns()
    corked.setsockopt(socket.IPPROTO_UDP, _UDP_CORK, 0)
    return (time.monotonic_ns() - start) / 1e9
