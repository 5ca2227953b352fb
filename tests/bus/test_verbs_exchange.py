"""Endpoints cross only between two that know the secret; hang-up is noticed."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from aethermodel.bus.fabrics.verbs_exchange import Exchange, Listener, RefusedError, dial
from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.errors import PeerDiedError

SECRET = b"sixteen bytes or more"
HERE = Endpoint(1, 2, bytes(16), 0, 1024, key=77)
THERE = Endpoint(3, 4, bytes(range(16)), 0, 4096, delivered=9)


def both(left: Callable[[], Any], right: Callable[[], Any]) -> list[Any]:
    results: list[Any] = [None, None]

    def run(at: int, call: Callable[[], Any]) -> None:
        try:
            results[at] = call()
        except Exception as error:
            results[at] = error

    thread = threading.Thread(target=run, args=(0, left))
    thread.start()
    run(1, right)
    thread.join()
    return results


def connected(first: bytes = SECRET, second: bytes = SECRET) -> list[Any]:
    with Listener(first) as listener:
        return both(listener.accept, lambda: dial(second, listener.port))


def test_endpoints_cross_again_and_again() -> None:
    left, right = connected()
    with left, right:
        for _ in range(3):
            assert both(lambda: left.swap(HERE), lambda: right.swap(THERE)) == [THERE, HERE]
        assert not left.ended()
        right.close()
        assert left.ended(5)
        with pytest.raises(PeerDiedError):
            left.swap(HERE)
            left.swap(HERE)


def test_another_secret_is_refused_on_both_sides() -> None:
    left, right = connected(second=b"another secret, as long")
    assert isinstance(left, RefusedError)
    assert isinstance(right, RefusedError | ConnectionError)


def test_short_secret() -> None:
    _, right = connected(second=b"short")
    assert isinstance(right, ValueError)


def test_listens_on_loopback() -> None:
    with Listener(SECRET) as listener:
        assert listener._socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "answer",
    [b"", b"short", bytes(200), bytes(32) + struct.pack(">I", 2**31) + bytes(64)],
    ids=["nothing", "short", "zeros", "long"],
)
def test_noise_is_refused(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((RefusedError, ConnectionError, OSError)):
            Exchange(ours, SECRET, listening=True)
    assert ours.fileno() == -1


def test_a_recorded_message_does_not_pass_twice() -> None:
    left, right = connected()
    with left, right:
        said: list[bytes] = []
        send = left._socket.sendall

        class Recorder:
            def sendall(self, data: bytes) -> None:
                said.append(data)
                send(data)

            def __getattr__(self, name: str) -> Any:
                return getattr(left._socket_, name)

        left._socket_, left._socket = left._socket, Recorder()
        both(lambda: left.swap(HERE), lambda: right.swap(THERE))
        send(said[0])
        with pytest.raises(RefusedError, match="secret"):
            right.swap(THERE)


def test_an_endpoint_that_is_none() -> None:
    left, right = connected()
    with left, right:
        left._say(json.dumps({"number": 1}).encode())
        with pytest.raises(RefusedError, match="not one"):
            right.swap(THERE)
