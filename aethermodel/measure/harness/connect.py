"""Connection of fabrics that are joined by a port: TCP and verbs."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from aethermodel.bus.fabrics.protocol import Receiver
from aethermodel.bus.fabrics.tcp import SharedKey, TcpListener, TcpSender
from aethermodel.fabrics import CrossingFabric
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import BatchForm
from aethermodel.measure.harness.ring_size import ring_capacity
from aethermodel.measure.harness.senders import Send, tcp_send, verbs_send

# The kernel widens a TCP connection's buffers as it is used: until some hundred batches have gone,
# each costs up to twice as much, in more and smaller pieces.
_RUN_UP_BATCHES, _RUN_UP_BYTES = 200, 2**28
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
    form : BatchForm
        What goes that way.
    """

    fabric: CrossingFabric
    port: int
    secret: bytes = field(repr=False)
    form: BatchForm


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


def run_up(batch_size: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return how many batches go through a TCP connection before any is timed."""
    return max(1, min(_RUN_UP_BATCHES, _RUN_UP_BYTES // (batch_size * record_bytes)))


async def _listen_tcp(secret: bytes, form: BatchForm) -> Listening:
    most, key = form.batch_size, SharedKey(secret)
    listener = await TcpListener.listen(key=key, most=most, record=form.record)
    address = Address("tcp", listener.port, secret, form)
    return Listening(address, listener.accept, listener.close)


async def _listen_verbs(secret: bytes, form: BatchForm) -> Listening:
    from aethermodel.bus.fabrics.verbs.fabric import VerbsListener

    most, capacity = form.batch_size, ring_capacity(form.batch_size, form.record_bytes)
    listener = VerbsListener(secret, capacity=capacity, most=most, record=form.record)
    accept = partial(listener.accept, _LONGEST_SECONDS)
    return Listening(Address("verbs", listener.port, secret, form), accept, listener.close)


async def _dial_tcp(address: Address) -> Any:
    key, record = SharedKey(address.secret), address.form.record
    return await TcpSender.connect(address.port, key=key, record=record)


async def _dial_verbs(address: Address) -> Any:
    from aethermodel.bus.fabrics.verbs.fabric import VerbsSender

    record = address.form.record
    return await VerbsSender.connect(address.port, secret=address.secret, record=record)


class _Ends(NamedTuple):
    """How both ends of a fabric are made, and what sends a batch by one."""

    listen: Callable[[bytes, BatchForm], Awaitable[Listening]]
    dial: Callable[[Address], Awaitable[Any]]
    send: Callable[[Any, BatchForm], Send]


_ENDS: dict[CrossingFabric, _Ends] = {
    "tcp": _Ends(_listen_tcp, _dial_tcp, tcp_send),
    "verbs": _Ends(_listen_verbs, _dial_verbs, verbs_send),
}


async def listen(fabric: CrossingFabric, form: BatchForm) -> Listening:
    """Listen on a free port of loopback.

    Parameters
    ----------
    fabric : {"tcp", "verbs"}
    form : BatchForm
        Of the largest batch.
    """
    return await _ENDS[fabric].listen(secrets.token_bytes(32), form)


class Dialled(NamedTuple):
    """A sender that is connected.

    Attributes
    ----------
    send : Send
        Makes and sends a batch, as in `aethermodel.measure.harness.senders`.
    close : callable
    """

    send: Send
    close: Callable[[], None]


async def dial(address: Address) -> Dialled:
    """Connect to a receiver that listens."""
    ends = _ENDS[address.fabric]
    sender = await ends.dial(address)
    return Dialled(ends.send(sender, address.form), sender.close)
