"""Peers over TCP: who may connect, what the ends tell each other, how they part."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import Bus, EndOfStream, SenderLost, StreamBroken
from aethermodel.bus.fabrics.key_exchange import KEY_FILE_VARIABLE, KEY_VARIABLE
from aethermodel.bus.fabrics.tcp import PeerRefused, SharedKey, TcpListener, TcpSender
from aethermodel.bus.fabrics.tcp import listener as tcp_listener
from aethermodel.bus.fabrics.tcp.frames import (
    HELLO_BYTES,
    MAGIC,
    WELCOME_BYTES,
    pack_receipt,
    unpack_receipt,
)
from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import number

SECRET = b"the secret of these tests"
KEY = SharedKey(SECRET)


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_FILE_VARIABLE, raising=False)


def batch_of(events, first=0):
    batch = make_batch(events, 1, seed=first)
    number(batch, first, 0)
    return batch


async def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_who_does_not_know_the_key_does_not_get_in_and_the_next_one_does(run):
    async def main():
        listener = await TcpListener.listen(key=KEY)
        accepting = asyncio.create_task(listener.accept())
        with pytest.raises(PeerRefused, match="another key"):
            await TcpSender.connect(listener.port, key=SharedKey.fresh())
        assert not accepting.done()
        sender = await TcpSender.connect(listener.port, key=KEY)
        receiver = await asyncio.wait_for(accepting, 60)
        await sender.send(batch_of(3))
        assert len(await receiver.receive()) == 3
        sender.close()
        receiver.close()
        listener.close()
        await until(lambda: listener.refused == 1)

    run(main())


def test_a_listener_that_does_not_know_the_key_gets_no_event(run):
    async def main():
        got = bytearray()

        async def pretend(reader, writer):
            writer.write(MAGIC + bytes(32))
            got.extend(await reader.readexactly(HELLO_BYTES))
            writer.write(bytes(WELCOME_BYTES))
            got.extend(await reader.read())
            writer.close()

        server = await asyncio.start_server(pretend, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerRefused, match="does not know the key"):
            await TcpSender.connect(port, key=KEY)
        server.close()
        return bytes(got)

    got = run(main())
    assert len(got) == HELLO_BYTES
    assert SECRET not in got


def test_a_listener_that_is_silent_is_not_waited_for_for_ever(run):
    async def main():
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,
            pytest.raises(PeerRefused, match="nothing within"),
        ):
            await TcpSender.connect(silent.getsockname()[1], key=KEY, timeout=0.1)

    run(main())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_a_stranger_says_it_gets_no_receiver(said):
    async def main():
        listener = await TcpListener.listen(key=KEY, timeout=30)
        with socket.create_connection(("127.0.0.1", listener.port)) as stranger:
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
            await until(lambda: listener.refused == 1)
        assert listener.waiting == 0
        listener.close()

    asyncio.run(main())


def test_a_hello_that_was_overheard_is_of_no_use(run):
    """The listener draws a nonce of its own for each connection."""

    async def main():
        listener = await TcpListener.listen(key=KEY)
        heard = []

        async def relay(reader, writer):  # the first connection, written down
            theirs, ours = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(await theirs.readexactly(36))
            heard.append(await reader.readexactly(HELLO_BYTES))
            writer.close()
            ours.close()

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        with pytest.raises(PeerRefused):
            await TcpSender.connect(server.sockets[0].getsockname()[1], key=KEY)
        server.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        await reader.readexactly(36)
        writer.write(heard[0])
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert listener.waiting == 0
        listener.close()

    run(main())


def test_strangers_are_bounded_in_number_and_in_time(run, monkeypatch):
    monkeypatch.setattr(tcp_listener, "MOST_STRANGERS", 4)

    async def main():
        listener = await TcpListener.listen(key=KEY, timeout=2.0)
        strangers = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(10)]
        await until(lambda: listener.refused >= 6)  # the oldest: four are left
        sender = await TcpSender.connect(listener.port, key=KEY)  # one that knows the key gets in
        receiver = await asyncio.wait_for(listener.accept(), 60)
        await until(lambda: listener.refused == 10)  # the four by the time limit
        await sender.send(batch_of(1))
        assert len(await receiver.receive()) == 1
        sender.close()
        receiver.close()
        listener.close()
        for stranger in strangers:
            stranger.close()

    run(main())


def test_dead_connections_leave_the_backlog_and_living_ones_are_bounded(run):
    async def main():
        listener = await TcpListener.listen(key=KEY, most=64, backlog=3)
        for _ in range(20):
            (await TcpSender.connect(listener.port, key=KEY)).close()
        await until(lambda: listener.waiting == 0)
        told = await TcpSender.connect(listener.port, key=KEY)
        await told.send(batch_of(2))
        await told.end()  # it has gone, and what it sent stays to be accepted
        others = [await TcpSender.connect(listener.port, key=KEY) for _ in range(2)]
        with pytest.raises(PeerRefused, match="too many senders wait"):
            await TcpSender.connect(listener.port, key=KEY)
        first = await listener.accept()
        assert len(await first.receive()) == 2
        first.release()
        with pytest.raises(EndOfStream):
            await first.receive()
        for sender in others:
            sender.close()
        listener.close()
        await until(lambda: listener.waiting == 0)
        with pytest.raises(ConnectionAbortedError):
            await listener.accept()

    run(main())


def test_a_receiver_that_is_closed_straight_after_accept_is_closed(run):
    async def main():
        listener = await TcpListener.listen(key=KEY)
        accepting = asyncio.create_task(listener.accept())
        sender = await TcpSender.connect(listener.port, key=KEY)
        (await accepting).close()
        with pytest.raises(StreamBroken):
            for _ in range(1000):
                await sender.send(batch_of(100))
                await asyncio.sleep(0.01)
        listener.close()

    run(asyncio.wait_for(main(), 60))


def test_one_who_waits_to_accept_is_told_of_the_listeners_end(run):
    async def main():
        listener = await TcpListener.listen(key=KEY)
        accepting = asyncio.create_task(listener.accept())
        await asyncio.sleep(0)
        listener.close()
        listener.close()
        with pytest.raises(ConnectionAbortedError):
            await asyncio.wait_for(accepting, 60)

    run(main())


def test_a_batch_that_the_receiver_would_refuse_is_refused_at_the_sender(run):
    async def main():
        listener = await TcpListener.listen(key=KEY, most=64)
        sender = await TcpSender.connect(listener.port, key=KEY)
        with pytest.raises(ValueError, match="64 events a batch, not 65"):
            await sender.send(batch_of(65))
        await sender.send(batch_of(64))
        await sender.end()
        with pytest.raises(ValueError, match="has ended"):
            await sender.send(batch_of(1))
        listener.close()

    run(main())


def _consume(port_pipe, batches):
    """Handle some batches, then die by signal 9 with others unhandled."""

    async def main():
        listener = await TcpListener.listen(key=KEY, most=10)
        port_pipe.send(listener.port)
        bus, handled = Bus(["a"]), []

        @bus.on("a")
        async def handle(batch, indices):
            if len(handled) == batches:
                await asyncio.sleep(0.5)  # time for the last receipt
                os.kill(os.getpid(), signal.SIGKILL)
            handled.append(len(indices))

        bus.attach(await listener.accept())
        await bus.run()

    asyncio.run(main())


@pytest.mark.parametrize("handled", [0, 1, 40])
def test_a_sender_is_told_which_batches_its_receiver_had_not_handled(run, handled):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_consume, args=(theirs, handled))
    child.start()
    port = ours.recv()

    async def main():
        sender = await TcpSender.connect(port, key=KEY)
        for i in range(60):
            await sender.send(batch_of(10, 10 * i))
        with pytest.raises(StreamBroken) as caught:
            await sender.end(handled_within=120)
        assert caught.value.sent == sender.sent == 60
        return caught.value.unconfirmed, sender.unconfirmed

    assert run(main()) == (60 - handled, 60 - handled)
    child.join()


def test_a_sender_is_told_that_all_was_handled_or_not_in_time(run):
    async def main():
        listener = await TcpListener.listen(key=KEY, most=10)
        sender = await TcpSender.connect(listener.port, key=KEY)
        receiver = await listener.accept()
        for i in range(5):
            await sender.send(batch_of(10, 10 * i))
        assert sender.unconfirmed == 5
        for _ in range(3):
            await receiver.receive()
            receiver.release()
        await until(lambda: sender.unconfirmed == 2)
        with pytest.raises(StreamBroken, match=r"within 0\.1 s; 2 of 5 batches"):
            await sender.end(handled_within=0.1)
        receiver.close()
        listener.close()

    run(main())


def test_a_sender_that_ends_or_dies_with_receipts_unread_loses_nothing(run):
    """Receipts have a connection of their own: unread ones would reset that of the events."""
    context = multiprocessing.get_context("spawn")

    async def main():
        listener = await TcpListener.listen(key=KEY, most=2000, pool=2)
        child = context.Process(target=_send_and_die, args=(listener.port, 300))
        child.start()
        receiver, events = await listener.accept(), 0
        with pytest.raises(SenderLost):
            while True:
                events += len(await receiver.receive())
                receiver.release()
                await asyncio.sleep(0.002)  # slow: receipts go out while events still come
        receiver.close()
        listener.close()
        child.join()
        return events

    assert run(main()) == 300 * 2000


def _send_and_die(port, batches):
    async def main():
        sender = await TcpSender.connect(port, key=KEY)
        for i in range(batches):
            await sender.send(batch_of(2000, 2000 * i))
        os._exit(0)

    asyncio.run(main())


@given(st.integers(0, 2**64 - 1), st.integers(0, 8 * 12 - 1))
def test_receipts_are_whole_or_none(batches, bit):
    wire = pack_receipt(batches)
    assert unpack_receipt(wire) == batches
    spoiled = bytearray(wire)
    spoiled[bit // 8] ^= 1 << bit % 8
    assert unpack_receipt(bytes(spoiled)) is None
