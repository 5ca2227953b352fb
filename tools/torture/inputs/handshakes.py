"""Handshakes: what a stranger, or a peer that knows the secret, may say to the verbs exchange."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable

from tools.torture.inputs.byte_mutation import mutate
from tools.torture.inputs.source import Source, mutated

_SECRET = b"known to both of these ends"
_SECONDS = 60.0


def _beside(work: Callable[[], None]) -> threading.Thread:
    """Start a thread that talks to the reader; the reader may hang up on it at any time."""

    def body() -> None:
        with contextlib.suppress(OSError):
            work()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def _hear_stranger(data: bytes) -> None:
    """Accept an honest peer after a stranger who says anything, and hangs up or does not."""
    from aethermodel.bus.fabrics.verbs.exchange import dial
    from aethermodel.bus.fabrics.verbs.listener import Listener

    with Listener(_SECRET) as listener:
        stranger = socket.create_connection(("127.0.0.1", listener.port), _SECONDS)

        def work() -> None:
            with contextlib.suppress(OSError):  # refused before it has said all
                stranger.sendall(data)
                if len(data) % 2:
                    stranger.shutdown(socket.SHUT_WR)
            dial(_SECRET, listener.port, timeout=_SECONDS).close()

        thread = _beside(work)
        try:
            listener.accept(_SECONDS).close()
        finally:
            thread.join()
            stranger.close()


def _hear_listener(data: bytes) -> None:
    """Dial one who listens, and says anything."""
    from aethermodel.bus.fabrics.verbs.exchange import dial

    with socket.create_server(("127.0.0.1", 0), backlog=1) as listening:

        def work() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(data)

        thread = _beside(work)
        try:
            dial(_SECRET, listening.getsockname()[1], timeout=_SECONDS).close()
        finally:
            thread.join()


def _hear_peer(body: bytes) -> None:
    """Swap endpoints with one who knows the secret, and says something else."""
    from aethermodel.bus.fabrics.verbs.exchange import dial
    from aethermodel.bus.fabrics.verbs.listener import Listener
    from cython_core.verbs.endpoint import PACKED_BYTES, Endpoint

    with Listener(_SECRET) as listener:

        def work() -> None:
            with dial(_SECRET, listener.port, timeout=_SECONDS) as peer:
                peer._socket.sendall(
                    peer._conversation.seal(body[:PACKED_BYTES].ljust(PACKED_BYTES))
                )

        thread = _beside(work)
        try:
            with listener.accept(_SECONDS) as exchange:
                exchange.swap(Endpoint(1, 2, bytes(16), 0, 1024), _SECONDS)
        finally:
            thread.join()


def _make_body(draw: random.Random) -> bytes:
    from cython_core.verbs.endpoint import Endpoint

    good: bytes = Endpoint(3, 4, bytes(range(16)), 0, 4096, delivered=9).to_bytes()
    return mutate(good, draw)


def sources() -> dict[str, Source]:
    """Return the handshakes, none where the verbs library is not there."""
    try:
        from aethermodel.bus.fabrics.verbs import listener as verbs_listener  # noqa: F401 - whether it can be
        from cython_core.verbs.errors import PeerDiedError
    except ImportError:
        return {}
    spoken = bytes(range(64)) + bytes(300)
    return {
        "handshake-stranger": mutated(spoken, _hear_stranger),
        "handshake-listener": mutated(spoken, _hear_listener, OSError),
        "handshake-peer": Source(_make_body, _hear_peer, (OSError, PeerDiedError)),
    }
