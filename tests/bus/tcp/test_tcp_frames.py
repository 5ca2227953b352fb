"""TCP frames go whole, one after the other, or the connection is broken."""

import asyncio
import contextlib
import itertools
import random
import socket

import numpy as np
import pytest
from tcp_streams import KEY, TOPICS, all_of, batch_of, connected, fed_by_hand, heard

from aethermodel.bus import Backlogged, Bus, EndOfStream, SenderLost, StreamBroken
from aethermodel.bus.fabrics.tcp import TcpListener, TcpSender
from aethermodel.bus.fabrics.tcp.frames import pack_head
from cython_core import first_gap


def test_a_send_that_is_cancelled_in_its_frame_breaks_the_connection_and_only_then(run):
    async def main():
        sender, receiver = await connected(most=20_000, pool=2)
        whole = []
        with pytest.raises(StreamBroken, match="cancelled in the middle"):
            for i in itertools.count():
                before = sender.sent
                task = asyncio.create_task(sender.send(batch_of(20_000, 20_000 * i)))
                if not (await asyncio.wait({task}, timeout=0.2))[0]:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                if sender.sent > before:
                    whole.append(20_000 * i)
        with pytest.raises(StreamBroken):
            await sender.send(batch_of(1))
        with pytest.raises(StreamBroken):
            await sender.end()
        came, end = await all_of(receiver)
        assert isinstance(end, SenderLost)
        assert [int(batch["sequence"][0]) for batch in came] == whole
        for batch, first in zip(came, whole, strict=True):
            assert batch.tobytes() == batch_of(20_000, first).tobytes()
        sender.close()

    run(main())


def test_a_send_that_is_cancelled_before_its_first_byte_did_nothing(run):
    async def main():
        ours, theirs = socket.socketpair()
        sender = TcpSender(ours)
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(65_536))
        task = asyncio.create_task(sender.send(batch_of(5)))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        with contextlib.suppress(BlockingIOError):
            while theirs.recv(2**20):
                pass
        await sender.send(batch_of(7))
        await sender.end()
        came, end = await heard(theirs.recv(2**20))
        theirs.close()
        return came, end

    came, end = run(main())
    assert isinstance(end, EndOfStream)
    assert [len(batch) for batch in came] == [7]


def test_many_tasks_that_send_on_one_sender_tear_nothing_and_all_return(run):
    """Exact counts: every event sent is handled once, in the order of its task."""
    tasks, batches, events = 6, 30, 3000

    async def main():
        sender, receiver = await connected(most=events, pool=2)
        bus, seen = Bus(TOPICS, capacity=events), np.zeros(tasks * batches * events, dtype=int)

        @bus.on("**")
        def handle(batch, indices):
            seen[batch["sequence"][indices].astype(int)] += 1

        async def produce(task):
            for i in range(batches):
                await sender.send(batch_of(events, (task * batches + i) * events))

        bus.attach(receiver)
        running = asyncio.create_task(bus.run())
        await asyncio.gather(*(produce(task) for task in range(tasks)))
        await sender.end(handled_within=60)
        await running
        return seen, bus, sender

    seen, bus, sender = run(asyncio.wait_for(main(), 120))
    assert (seen == 1).all()
    assert not bus.lost and not bus.failures
    assert (sender.sent, sender.unconfirmed) == (tasks * batches, 0)


def test_closing_tells_whoever_waits_in_send(run):
    async def main():
        sender, receiver = await connected(most=20_000, pool=2)
        tasks = [asyncio.create_task(sender.send(batch_of(20_000))) for _ in range(40)]
        await asyncio.sleep(0.2)
        sender.close()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        assert outcomes.count(None) == sender.sent < 40
        assert all(isinstance(o, StreamBroken) for o in outcomes if o is not None)
        came, end = await all_of(receiver)
        assert len(came) == sender.sent
        assert isinstance(end, SenderLost)

    run(main())


def test_a_sender_that_fails_at_once_does_so_behind_another_too(run):
    async def main():
        ours, theirs = socket.socketpair()
        with theirs:
            sender = TcpSender(ours, policy="fail")
            first = asyncio.create_task(sender.send(batch_of(60_000)))
            await asyncio.sleep(0.01)
            with pytest.raises(Backlogged):
                await sender.send(batch_of(1))
            first.cancel()
            await asyncio.wait({first})
            with pytest.raises(StreamBroken):
                await sender.send(batch_of(1))

    run(main())


@pytest.mark.parametrize("seed", range(4))
def test_a_soak_of_cancelled_sends_and_new_connections_accounts_for_every_batch(run, seed):
    """Each batch that a sender counts as sent is handled once; no other, and no part of one."""
    draw = random.Random(seed)
    handled = {}

    async def main():
        bus, sent = Bus(TOPICS, capacity=5000), []
        listener = await TcpListener.listen(key=KEY, most=5000, pool=2)

        @bus.on("**")
        async def handle(batch, indices):
            await asyncio.sleep(draw.random() / 300)
            first = int(batch["sequence"][0])
            assert first_gap(batch, first) == -1  # whole, as it was sent
            handled[first] = handled.get(first, 0) + len(indices)

        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        first = broken = 0
        for _ in range(6):
            sender = await TcpSender.connect(listener.port, key=KEY)
            bus.attach(await listener.accept())
            for _ in range(40):
                size = draw.randrange(1, 5000)
                before = sender.sent
                sending = asyncio.create_task(sender.send(batch_of(size, first)))
                if draw.random() < 0.2:
                    await asyncio.sleep(draw.random() / 200)
                    sending.cancel()
                await asyncio.wait({sending})
                if sender.sent > before:
                    sent.append((first, size))
                first += 5000
                if not sending.cancelled() and isinstance(sending.exception(), StreamBroken):
                    break
            try:
                await sender.end(handled_within=120)
                assert sender.unconfirmed == 0
            except StreamBroken:
                broken += 1
        while bus.receivers:
            await asyncio.sleep(0.01)
        bus.stop()
        await running
        listener.close()
        assert not bus.failures
        return bus, sent, broken

    bus, sent, broken = run(asyncio.wait_for(main(), 240))
    assert handled == dict(sent)
    seen = bus.instruments
    assert seen.batch_events.total == sum(size for _, size in sent)
    assert seen.streams_lost == broken == len(bus.lost)
    assert (seen.lost, seen.refused, seen.dropped) == (0, 0, 0)


def test_receipts_that_nobody_reads_do_not_pile_up(run):
    async def main():
        written = []

        class Full:  # a connection whose other end reads nothing
            size = 0

            def is_closing(self):
                return False

            def get_write_buffer_size(self):
                return self.size

            def write(self, receipt):
                written.append(receipt)
                self.size = len(receipt)

            def close(self): ...

        connection, receiver = await fed_by_hand(most=64, receipts=Full())
        sender = TcpSender(connection)
        for i in range(300):
            await sender.send(batch_of(1, i))
            await receiver.receive()
            receiver.release()
            await asyncio.sleep(0.001)
        assert len(written) == 1
        receiver.close()
        assert len(written) == 2  # the newest, when it leaves
        sender.close()

    run(asyncio.wait_for(main(), 60))


def test_half_a_frame_and_silence_ends_by_a_time_limit_of_the_whole_frame(run):
    async def main():
        connection, receiver = await fed_by_hand(most=64, timeout=1.0)
        sender = TcpSender(connection)
        await sender.send(batch_of(3))
        receiving = asyncio.create_task(all_of(receiver))
        await asyncio.sleep(1.5)  # silence between frames may last
        assert not receiving.done()
        loop = asyncio.get_running_loop()

        async def drip():  # a byte now and then: each read is in time, and the frame is not
            for byte in pack_head(64, 1, 0) + bytes(64 * 64):
                await loop.sock_sendall(connection, bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        came, end = await asyncio.wait_for(receiving, 60)
        dripping.cancel()
        await asyncio.wait({dripping})
        sender.close()
        return came, end

    came, end = run(main())
    assert [len(batch) for batch in came] == [3]
    assert "not the rest within 1 s" in str(end)


def test_a_receiver_that_is_released_twice_goes_on(run):
    async def main():
        sender, receiver = await connected(most=100, pool=2)

        async def produce():
            for i in range(50):
                await sender.send(batch_of(100, 100 * i))
            await sender.end()

        producing = asyncio.create_task(produce())
        for i in range(50):
            while receiver.waiting < 200 and i < 48:  # its pool is full, so that reading pauses
                await asyncio.sleep(0)
            batch = await asyncio.wait_for(receiver.receive(), 60)
            assert first_gap(batch, 100 * i) == -1
            with pytest.raises(RuntimeError, match="release the last batch"):
                await receiver.receive()
            receiver.release()
            receiver.release()
        with pytest.raises(EndOfStream):
            await receiver.receive()
        await producing
        receiver.close()

    run(asyncio.wait_for(main(), 120))


def test_two_that_receive_at_once_are_told(run):
    async def main():
        sender, receiver = await connected(most=64)
        first = asyncio.create_task(receiver.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await receiver.receive()
        await sender.send(batch_of(2))
        assert len(await asyncio.wait_for(first, 60)) == 2
        await sender.end()
        receiver.close()

    run(main())
