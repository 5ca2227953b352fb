"""Handshakes: what a stranger, or a peer that knows the secret, may say to the verbs exchange."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from collections.abc import Callable

from tools.torture.mutation import mutate
from tools.torture.source import Source, mutated

_SECRET = b"known to both of these ends"
_SECONDS = 5.0


def _pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    return ours, theirs


def _hear_stranger(data: bytes) -> None:
    """Answer one who sends bytes of any kind, and hangs up."""
    from aethermodel.bus.fabrics.verbs_exchange import Exchange

    ours, theirs = _pair()
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        Exchange(ours, _SECRET, listening=True, timeout=_SECONDS).close()


def _hear_peer(body: bytes) -> None:
    """Swap endpoints with one who knows the secret and says something else."""
    from aethermodel.bus.fabrics.verbs_exchange import Exchange
    from cython_core.verbs.endpoint import Endpoint

    ours, theirs = _pair()

    def speak() -> None:
        # The other side may hang up first, which is its right.
        with contextlib.suppress(OSError), Exchange(theirs, _SECRET, listening=False) as peer:
            peer._say(body)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        with Exchange(ours, _SECRET, listening=True, timeout=_SECONDS) as exchange:
            exchange.swap(Endpoint(1, 2, bytes(16), 0, 1024))
    finally:
        thread.join()
        theirs.close()


def _bodies() -> Callable[[random.Random], bytes]:
    from cython_core.verbs.endpoint import Endpoint

    good = json.dumps(Endpoint(3, 4, bytes(range(16)), 0, 4096, delivered=9).to_dict()).encode()

    def make(draw: random.Random) -> bytes:
        if draw.random() < 0.1:
            opening = draw.choice((b"[", b'{"number":', b"[[", b"-", b"9", b'"\\ud800'))
            return (opening * 4096)[: draw.choice((900, 1500, 4096, 4097))]
        return mutate(good, draw)

    return make


def sources() -> dict[str, Source]:
    """Return the handshakes, none where the verbs library is not there."""
    try:
        import cython_core.verbs  # noqa: F401 - to know whether it can be imported
    except ImportError:
        return {}
    spoken = bytes(range(32)) + b"\0\0\0\2{}" + bytes(32) + b"\0\0\1\0" + bytes(300)
    return {
        "handshake-stranger": mutated(spoken, _hear_stranger, OSError),
        "handshake-peer": Source(_bodies(), _hear_peer, (OSError, _peer_died())),
    }


def _peer_died() -> type[Exception]:
    from cython_core.verbs.errors import PeerDiedError

    return PeerDiedError
