"""Session of two hosts: who is let in, and what is believed."""

import socket
import threading

import pytest

from aethermodel.bench.fabric.session import (
    PORT,
    Address,
    Door,
    Session,
    call,
    dial_timed,
)
from aethermodel.bus.fabrics.key_exchange import PeerRefused, SharedKey

LOOPBACK = Address("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.2", ("10.0.0.2", PORT)),
        ("10.0.0.2:7", ("10.0.0.2", 7)),
        ("far.example:65535", ("far.example", 65_535)),
        ("::1", ("::1", PORT)),
        ("[fd00::2]:7", ("fd00::2", 7)),
        ("[fd00::2]", ("fd00::2", PORT)),
    ],
)
def test_addresses(text, address):
    read = Address.of(text)
    assert read == address
    assert Address.of(str(read)) == address


@pytest.mark.parametrize("text", ["", ":7", "host:x", "host:70000", "host:-1", "[::1", "[::1]7"])
def test_what_is_no_address(text):
    with pytest.raises(ValueError):
        Address.of(text)


def test_both_sides_hear_what_the_other_says():
    key = SharedKey.fresh()
    with Door(LOOPBACK, key) as door, call(door.address, key) as here, door.session() as there:
        here.say({"order": "greet"})
        assert there.hear(60) == {"order": "greet"}
        there.say({"host": {"cores": 2}})
        assert here.hear(60) == {"host": {"cores": 2}}
        there.say({"error": "no"})
        with pytest.raises(ConnectionError, match="the other host: no"):
            here.hear(60)


def test_who_has_another_key_is_refused_and_the_next_is_served():
    key = SharedKey.fresh()
    with Door(LOOPBACK, key) as door:
        silent = socket.create_connection(tuple(door.address))  # keeps nobody waiting
        with pytest.raises(PeerRefused, match="another key"):
            call(door.address, SharedKey.fresh())
        with call(door.address, key) as here, door.session() as there:
            here.say({})
            assert there.hear(60) == {}
        silent.close()


def test_a_listener_that_does_not_know_the_key_is_found_out():
    """It may echo, or make something up: it can say no tag."""
    with socket.create_server(("127.0.0.1", 0)) as impostor:

        def pretend():
            connection, _ = impostor.accept()
            with connection:
                connection.sendall(b"AEF1" + bytes(32))
                connection.recv(4096)
                connection.sendall(bytes(32))

        threading.Thread(target=pretend, daemon=True).start()
        with pytest.raises(PeerRefused, match="does not know the key"):
            call(Address(*impostor.getsockname()), SharedKey.fresh())


def test_a_timed_connection_belongs_to_its_session():
    key = SharedKey.fresh()
    with (
        Door(LOOPBACK, key) as door,
        call(door.address, key) as here,
        door.session() as there,
        call(door.address, key) as another,
    ):
        stray = dial_timed(door.address, key, another)
        own = dial_timed(door.address, key, here)
        served = door.timed(there, 60)
        own.sendall(b"own")
        assert served.recv(3) == b"own"
        for each in (stray, own, served):
            each.close()


def test_a_message_that_was_changed_on_its_way_is_not_believed():
    key = SharedKey.fresh()
    one, other = socket.socketpair()
    with Session(other, key, bytes(16), listening=True) as there:
        here = Session(one, key, bytes(16), listening=False)
        seen, away = socket.socketpair()
        Session(seen, key, bytes(16), listening=False).say({"order": "x"})
        sealed = bytearray(away.recv(4096))
        sealed[6] ^= 1
        one.sendall(sealed)
        with pytest.raises(PeerRefused, match="did not say"):
            there.hear(60)
        here.close()
        seen.close()
        away.close()


def test_a_message_is_heard_once():
    """The same bytes again are another message, with another number."""
    key = SharedKey.fresh()
    one, other = socket.socketpair()
    with Session(other, key, bytes(16), listening=True) as there, one:
        seen, away = socket.socketpair()
        with seen, away:
            Session(seen, key, bytes(16), listening=False).say({"order": "x"})
            sealed = away.recv(4096)
            one.sendall(sealed + sealed)
            assert there.hear(60) == {"order": "x"}
            with pytest.raises(PeerRefused):
                there.hear(60)
