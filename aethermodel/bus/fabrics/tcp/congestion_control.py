"""Congestion control of a connection that stays within one host.

Between hosts it keeps a sender from flooding the way. Over loopback there is nothing to flood: the
consumer sets the pace, and TCP's own flow control holds the sender back. BBR, which some hosts have
as their default, paces what it sends by how fast it has seen packets arrive. Over loopback they
arrive when the consumer takes its turn, so that it holds back what there was room for, and a batch
comes in more and smaller pieces, now and again for seconds. Packets also come out of order then, as
both cores send them. Reno (RFC 5681), which every Linux has, sends until something is lost.
"""

from __future__ import annotations

import ipaddress
import socket

_WITHIN_HOST = b"reno"


def choose(connection: socket.socket) -> None:
    """Choose what suits a connection within this host; between hosts the host's choice stays.

    So it does where the kernel does not let this process choose.

    Parameters
    ----------
    connection : socket.socket
        Connected.
    """
    if not hasattr(socket, "TCP_CONGESTION"):
        return
    try:
        if _within_host(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _WITHIN_HOST)
    except OSError:
        return  # not allowed, not built in, or no longer connected


def _within_host(connection: socket.socket) -> bool:
    own, peer = connection.getsockname()[0], connection.getpeername()[0]
    return own == peer or ipaddress.ip_address(peer).is_loopback
