"""Endpoints cross only between two that know the secret; nobody else can hold up the port."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from aethermodel.bus.fabrics.verbs.exchange import (
    NONCE,
    TAG,
    Conversation,
    Exchange,
    RefusedError,
    dial,
    greeting,
)
from aethermodel.bus.fabrics.verbs.listener import MOST_ASKING, Listener
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


def connected(first: bytes = SECRET, second: bytes = SECRET, timeout: float = 60) -> list[Any]:
    with Listener(first) as listener:
        return both(lambda: listener.accept(timeout), lambda: dial(second, listener.port))


def test_endpoints_cross_again_and_again() -> None:
    left, right = connected()
    with left, right:
        for _ in range(3):
            assert both(lambda: left.swap(HERE), lambda: right.swap(THERE)) == [THERE, HERE]
        assert not left.ended()
        right.close()
        assert left.ended(120)
        with pytest.raises(PeerDiedError):
            left.swap(HERE)
            left.swap(HERE)


def test_another_secret_is_refused_on_both_sides() -> None:
    left, right = connected(second=b"another secret, as long", timeout=2)
    assert isinstance(left, TimeoutError)
    assert str(left) == "no peer within 2 s; 1 did not prove to know the secret"
    assert isinstance(right, RefusedError | ConnectionError)


def test_short_secret() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Listener(b"short")
    with Listener(SECRET) as listener, pytest.raises(ValueError, match="at least 16 bytes"):
        dial(b"short", listener.port)


def test_listens_on_loopback() -> None:
    with Listener(SECRET) as listener:
        ours = psutil.Process().net_connections("inet")
        assert {c.laddr.ip for c in ours if c.laddr.port == listener.port} == {"127.0.0.1"}


@contextlib.contextmanager
def strangers(port: int, says: list[bytes]) -> Iterator[list[socket.socket]]:
    """Connect once for each of `says`, say it, and say no more."""
    with contextlib.ExitStack() as stack:
        sockets = []
        for words in says:
            stranger = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            with contextlib.suppress(ConnectionError):
                stranger.sendall(words)
            sockets.append(stranger)
        yield sockets


def still_asks(stranger: socket.socket) -> bool:
    """Return whether a connection was answered and not hung up on."""
    answered = stranger.recv(NONCE)
    stranger.setblocking(False)
    try:
        return bool(answered and stranger.recv(1))
    except BlockingIOError:
        return True


# All that one can be who does not know the secret: silent, too short, wrong, nested brackets.
ODD = [b"", b"x" * 20, bytes(NONCE), bytes(NONCE + TAG), b"[" * 100_000, b"GET / HTTP/1.0\r\n\r\n"]


@pytest.mark.parametrize("native", [False, True], ids=["in a thread", "on the event loop"])
def test_strangers_neither_delay_nor_end_the_service(native: bool) -> None:
    """Twenty bytes and silence held it for 40 s, and the first port scan was the last peer."""
    with Listener(SECRET) as listener, strangers(listener.port, ODD * 3):

        def accept() -> Exchange:
            return asyncio.run(listener.arrival(60)) if native else listener.accept(60)

        for _ in range(3):
            socket.create_connection(("127.0.0.1", listener.port)).close()  # a port scan
            # Who dials waits as long as one stranger may ask: nobody had to wait for all of them.
            left, right = both(accept, lambda: dial(SECRET, listener.port))
            with left, right:
                assert not left.ended() and not right.ended()


def test_more_strangers_than_places_do_not_keep_a_peer_out() -> None:
    with Listener(SECRET) as listener, strangers(listener.port, [b""] * (MOST_ASKING - 1)) as some:
        with pytest.raises(TimeoutError):
            listener.accept(0.2)
        with strangers(listener.port, [b""] * 20) as more:
            left, right = both(lambda: listener.accept(60), lambda: dial(SECRET, listener.port))
            asking = list(map(still_asks, some + more))
        with left, right:
            assert sum(asking) <= MOST_ASKING
            assert not asking[0]  # the oldest had to go


def test_a_whole_accept_has_one_time_limit() -> None:
    """A peer that says a byte now and then is not waited for any longer than a silent one."""
    with Listener(SECRET) as listener, strangers(listener.port, [b"x"]) as (slow,):
        stop = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.05):
                    slow.send(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                listener.accept(0.5)
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("part", ["greeting", "swap"])
def test_a_trickling_listener_does_not_hold_up_the_one_that_dialled(part: str) -> None:
    """The limit is of all that is read, not of each byte."""
    ours, theirs = _tcp_pair()
    stop = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(0.05):
                theirs.send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with theirs, pytest.raises(TimeoutError):
            if part == "greeting":
                Exchange.greet(ours, SECRET, timeout=0.5)
            else:
                conversation = Conversation(b"key", listening=False)
                with Exchange(ours, conversation) as exchange:
                    exchange.swap(HERE, timeout=0.5)
    finally:
        stop.set()
        thread.join()
    assert ours.fileno() == -1


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        return ours, server.accept()[0]


@settings(max_examples=200)
@given(st.binary(max_size=300), st.booleans())
def test_noise_is_refused(answer: bytes, listening: bool) -> None:
    steps = greeting(SECRET, listening=listening)
    _, count = next(steps)
    assert count == NONCE
    with pytest.raises(RefusedError):
        _, count = steps.send(answer[:NONCE].ljust(NONCE, b"\0"))
        assert count == TAG
        steps.send(answer[NONCE:][:TAG].ljust(TAG, b"\0"))


def test_an_echo_is_refused() -> None:
    steps = greeting(SECRET, listening=True)
    said, _ = next(steps)
    with pytest.raises(RefusedError, match="echoes"):
        steps.send(said)


@given(st.binary(min_size=16, max_size=64), st.lists(st.binary(max_size=100), max_size=5))
def test_each_message_passes_once_and_in_its_order(secret: bytes, bodies: list[bytes]) -> None:
    near, far = Conversation(secret, listening=True), Conversation(secret, listening=False)
    messages = [near.seal(body) for body in bodies]
    assert [far.open(message) for message in messages] == bodies
    for message in messages:
        with pytest.raises(RefusedError, match="secret"):
            far.open(message)
        with pytest.raises(RefusedError, match="secret"):
            near.open(message)  # said back to who said it


def test_an_endpoint_that_is_none() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(Conversation(b"key", listening=True).seal(b"\xff" * len(HERE.to_bytes())))
    exchange = Exchange(theirs, Conversation(b"key", listening=False))
    with ours, exchange, pytest.raises(RefusedError, match="out of range"):
        exchange.swap(THERE)


def test_more_descriptors_than_select_can_take() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip(f"this host allows no more than {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(Path("/dev/null").open())
        left, right = connected()
        with left, right:
            assert left.fileno() > 1024
            assert both(lambda: left.swap(HERE), lambda: right.swap(THERE)) == [THERE, HERE]
            assert not left.ended()
            with left.guard(None, lambda: 0):  # type: ignore[arg-type]  # nothing ends here
                pass
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
