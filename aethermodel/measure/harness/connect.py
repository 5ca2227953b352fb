"""Connection of fabrics that are joined by a port: TCP and verbs."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from aethermodel.bus.fabrics.protocol import Receiver
from aethermodel.bus.fabrics.tcp import SharedKey, TcpListener, TcpSender
from aethermodel.measure.harness.senders import Send, ring_capacity, tcp_send, verbs_send

if TYPE_CHECKING:
    from aethermodel.bus.fabrics.verbs.fabric import VerbsSender

Dialled = Literal["tcp", "verbs"]
# Whoever accepts watches whether the sender's process lives.
_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class Address:
    """Where a sender finds its receiver.

    Attributes
    ----------
    fabric : {"tcp", "verbs"}
    port : int
    secret : bytes
        What both ends know.
    """

    fabric: Dialled
    port: int
    secret: bytes = field(repr=False)


class Listening(NamedTuple):
    """A receiver's end that waits for its sender.

    Attributes
    ----------
    address : Address
    accept : async callable
        Returns the receiver of the sender that comes.
    close : callable
        Takes no more senders.
    """

    address: Address
    accept: Callable[[], Awaitable[Receiver]]
    close: Callable[[], None]


async def listen(fabric: Dialled, batch_size: int) -> Listening:
    """Listen on a free port of loopback.

    Parameters
    ----------
    fabric : {"tcp", "verbs"}
    batch_size : int
        Most events a batch.
    """
    secret = secrets.token_bytes(32)
    if fabric == "tcp":
        tcp = await TcpListener.listen(key=SharedKey(secret), most=batch_size)
        return Listening(Address("tcp", tcp.port, secret), tcp.accept, tcp.close)
    from aethermodel.bus.fabrics.verbs.fabric import VerbsListener

    verbs = VerbsListener(secret, capacity=ring_capacity(batch_size), most=batch_size)
    accept = partial(verbs.accept, _LONGEST_SECONDS)
    return Listening(Address("verbs", verbs.port, secret), accept, verbs.close)


async def dial(address: Address) -> TcpSender | VerbsSender:
    """Connect to a receiver that listens."""
    if address.fabric == "tcp":
        return await TcpSender.connect(address.port, key=SharedKey(address.secret))
    from aethermodel.bus.fabrics.verbs.fabric import VerbsSender

    return await VerbsSender.connect(address.port, secret=address.secret)


def send_by(
    sender: TcpSender | VerbsSender, batch_size: int, topics: int, checksum: bool = False
) -> Send:
    """Return what makes and sends a batch, as in `aethermodel.measure.harness.senders`."""
    if isinstance(sender, TcpSender):
        return tcp_send(sender, batch_size, topics, checksum)
    return verbs_send(sender, batch_size, topics, checksum)
