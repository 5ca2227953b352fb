"""Both ends of the TCP fabric by their public face, with the key that they agree on."""

from __future__ import annotations

import inspect
from typing import Any

from aethermodel.bus.fabrics.tcp import TcpListener, TcpSender

#: Names under which a listener's key may be asked for, and given to the sender.
_KEY = "key"


async def listen(most: int, pool: int) -> tuple[TcpListener, bytes]:
    """Return a listener on loopback and the key that a sender needs, empty where it needs none."""
    listener = await TcpListener.listen(most=most, pool=pool)
    return listener, bytes(getattr(listener, _KEY, b""))


async def connect(port: int, key: bytes) -> TcpSender:
    """Return a sender to the listener on `port`."""
    more: dict[str, Any] = {}
    if key and _KEY in inspect.signature(TcpSender.connect).parameters:
        more[_KEY] = key
    return await TcpSender.connect(port, **more)
