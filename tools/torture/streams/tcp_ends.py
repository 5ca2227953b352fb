"""Both ends of the TCP fabric by their public face, with a key that both know."""

from __future__ import annotations

from typing import Any

from aethermodel.bus.fabrics import tcp
from aethermodel.bus.fabrics.protocol import SenderLost

_SharedKey: Any = getattr(tcp, "SharedKey", None)
#: What a sender may be told when the stream, or the connection, does not come about or breaks.
REFUSALS: tuple[type[Exception], ...] = (OSError, SenderLost)
#: Seconds for the rest of a frame, or of a handshake: long on a busy host.
_SECONDS = 120.0


def fresh_key() -> Any:
    """Return a key, None where the fabric has none."""
    return _SharedKey.fresh() if _SharedKey else None


async def listen(key: Any, most: int, pool: int) -> tcp.TcpListener:
    """Return a listener on loopback."""
    more = {"key": key} if key else {}
    return await tcp.TcpListener.listen(most=most, pool=pool, timeout=_SECONDS, **more)


async def connect(port: int, key: Any) -> tcp.TcpSender:
    """Return a sender to the listener on `port`."""
    more = {"key": key} if key else {}
    return await tcp.TcpSender.connect(port, timeout=_SECONDS, **more)
