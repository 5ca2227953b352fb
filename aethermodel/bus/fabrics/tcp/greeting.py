"""Greeting over TCP: both sides prove the key, neither says it."""

from __future__ import annotations

import asyncio
import socket

from aethermodel.bus.fabrics.key_exchange import TAG_BYTES, PeerRefused, SharedKey, nonce
from aethermodel.bus.fabrics.tcp.frames import (
    CONTEXT,
    GREETING_BYTES,
    MAGIC,
    WELCOME,
    WELCOME_BYTES,
)


async def introduce(
    connection: socket.socket, kind: bytes, stream: bytes, key: SharedKey
) -> tuple[int, int]:
    """Prove to a listener that this side knows the key, and have it prove the same.

    Parameters
    ----------
    connection : socket.socket
        Connected, and non-blocking.
    kind : bytes
        `EVENTS` or `RECEIPTS`.
    stream : bytes
        What both connections of a sender have in common.
    key : SharedKey

    Returns
    -------
    (int, int)
        Most events that the listener's receiver takes a batch, and bytes of each.

    Raises
    ------
    PeerRefused
        If the listener does not know the key, or hangs up.
    """
    loop = asyncio.get_running_loop()
    greeting = await _exactly(connection, GREETING_BYTES)
    if greeting[: len(MAGIC)] != MAGIC:
        raise PeerRefused("what listens there is no listener of this fabric, or of another version")
    own = nonce()
    conversation = key.conversation(CONTEXT, greeting[len(MAGIC) :], own)
    body = kind + stream + own
    await loop.sock_sendall(connection, body + conversation.tag(body))
    welcome = await _exactly(connection, WELCOME_BYTES)
    if not conversation.proves(welcome[-TAG_BYTES:], welcome[:-TAG_BYTES]):
        raise PeerRefused("the listener does not know the key")
    most, record_bytes = WELCOME.unpack_from(welcome)
    return int(most), int(record_bytes)


async def _exactly(connection: socket.socket, count: int) -> bytes:
    loop, came = asyncio.get_running_loop(), bytearray()
    while len(came) < count:
        try:
            part = await loop.sock_recv(connection, count - len(came))
        except ConnectionError:
            part = b""
        if not part:
            raise PeerRefused("the listener hung up: another key, or too many senders wait there")
        came += part
    return bytes(came)
