"""Each fabric by the same promises, the crossing ones between two real processes."""

import asyncio
import contextlib
import multiprocessing
import os
import socket

import numpy as np
import pytest

from aethermodel.bus import Backlogged, Bus, EndOfStream, SenderLost
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.replay import ReplayReceiver
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.bus.fabrics.tcp import SharedKey, TcpListener, TcpReceiver, TcpSender
from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import Recorder, Replay, Ring, first_gap, number

KEY = SharedKey(b"the key of these tests")
SIZES = [1, 7, 300, 64, 1] * 20


def batches():
    first = 0
    for size in SIZES:
        batch = make_batch(size, 4, seed=first)
        number(batch, first, 0)
        first += size
        yield batch


async def send_all(sender, then="end"):
    for batch in batches():
        await sender.send(batch)
    if then == "end":
        await sender.end()
        await sender.end()  # idempotent
    elif then == "die":
        os._exit(3)


def over_ring(handle, then):
    with handle.attach() as ring:
        asyncio.run(send_all(ShmSender(ring), then))


def over_tcp(port, then):
    async def main():
        await send_all(await TcpSender.connect(port, key=KEY), then)

    asyncio.run(main())


async def receiver_from_child(fabric, then):
    context = multiprocessing.get_context("spawn")
    if fabric == "shm":
        ring = Ring.create(512, role="consumer")
        with ring.handle() as handle:
            child = context.Process(target=over_ring, args=(handle, then))
            child.start()
        return ShmReceiver(ring, 512), child
    listener = await TcpListener.listen(key=KEY, most=512, pool=3)
    child = context.Process(target=over_tcp, args=(listener.port, then))
    child.start()
    receiver = await listener.accept()
    listener.close()
    return receiver, child


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_a_bus_sees_every_event_of_another_process_once_and_in_order(run, fabric):
    seen = np.zeros(sum(SIZES), dtype=int)
    last = [-1] * 4

    async def main():
        bus = Bus([f"t.{i}" for i in range(4)])

        @bus.on("t.*")
        def handle(batch, indices):
            assert batch.ctypes.data % 64 == 0
            numbers = batch["sequence"][indices].astype(int)
            topic = batch["topic"][indices[0]]
            assert (np.diff(numbers, prepend=last[topic]) > 0).all()
            last[topic] = numbers[-1]
            seen[numbers] += 1

        receiver, child = await receiver_from_child(fabric, "end")
        bus.attach(receiver)
        await bus.run()
        child.join()
        return bus

    bus = run(main())
    assert (seen == 1).all()
    assert bus.lost == []
    assert not bus.failures
    assert bus.instruments.copied_bytes == (2 * 64 * sum(SIZES) if fabric == "tcp" else 0)
    if fabric == "tcp":  # whole batches as they were sent; a ring may join or split them
        assert bus.instruments.tick_ns.count == len(SIZES)


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_whole_batches_come_before_the_news_that_the_sender_died(run, fabric):
    async def main():
        receiver, child = await receiver_from_child(fabric, "die")
        events = 0
        with pytest.raises(SenderLost):
            while True:
                batch = await receiver.receive()
                assert first_gap(batch, events) == -1
                events += len(batch)
                receiver.release()
        child.join()
        receiver.close()
        receiver.close()
        return events, child.exitcode

    assert run(main()) == (sum(SIZES), 3)


def test_tcp_stops_reading_when_its_pool_is_full_and_goes_on_after(run):
    async def main():
        listener = await TcpListener.listen(key=KEY, most=1000, pool=2)
        sender = await TcpSender.connect(listener.port, key=KEY)
        receiver = await listener.accept()
        big = make_batch(1000, 4, seed=0)
        task = asyncio.create_task(sender_of(sender, big))
        while receiver.waiting < 2000:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert receiver.waiting == 2000  # and not one event more
        for i in range(200):
            assert first_gap(await receiver.receive(), 1000 * i) == -1
            receiver.release()
        await task
        with pytest.raises(EndOfStream):
            await receiver.receive()
        listener.close()

    async def sender_of(sender, batch):
        for i in range(200):
            number(batch, 1000 * i, 0)
            await sender.send(batch)
        await sender.end()

    run(main())


def test_tcp_fails_at_once_where_that_is_the_policy(run):
    ours, theirs = socket.socketpair()

    async def main():
        sender = TcpSender(ours, policy="fail")
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(65_536))
        with pytest.raises(Backlogged):
            await sender.send(make_batch(1, 4, 0))

    with ours, theirs:
        run(main())


def test_a_ring_full_or_consumer_gone_is_told_to_the_sender(run):
    async def main():
        producer, consumer = Ring.pair(8)
        sender = ShmSender(producer, "fail")
        await sender.send(make_batch(8, 4, 0))
        with pytest.raises(Backlogged):
            await sender.send(make_batch(1, 4, 0))
        receiver = ShmReceiver(consumer, 5)
        assert receiver.waiting == 8
        assert len(await receiver.receive()) == 5
        assert receiver.waiting == 3
        receiver.release()
        await sender.send(make_batch(5, 4, 0))
        with pytest.raises(ValueError, match="1 to 8"):
            await sender.send(make_batch(9, 4, 0))
        await sender.end()

    run(main())


def test_a_handler_may_stop_the_bus(run):
    """What is being handled at that moment is not waited for a second time."""
    producer, consumer = Ring.pair(64)
    seen = []

    async def main():
        bus = Bus(["t.0", "t.1", "t.2", "t.3"])
        bus.attach(ShmReceiver(consumer, 8))

        @bus.on("**")
        def handle(batch, indices):
            seen.extend(batch["sequence"][indices].tolist())
            bus.stop()

        batch = make_batch(32, 4, 0)
        await ShmSender(producer).send(batch)
        await asyncio.wait_for(bus.run(), 120)

    run(main())
    assert sorted(seen) == list(range(32))
    producer.abort()


def test_a_recording_is_replayed_in_place_and_at_its_pace(run, tmp_path):
    batch = make_batch(1000, 4, seed=1)
    number(batch, 0, 0)
    batch["timestamp_ns"] = np.arange(1000) * 50_000 + 10**9
    with Recorder(tmp_path / "day") as recorder:
        recorder.write(batch)

    async def main(speed):
        seen = []
        bus = Bus([f"t.{i}" for i in range(4)], capacity=64)
        bus.on("**")(lambda batch, indices: seen.extend(batch["sequence"][indices].tolist()))
        bus.attach(ReplayReceiver(Replay(tmp_path / "day"), 64, speed))
        before = asyncio.get_running_loop().time()
        await bus.run()
        return seen, asyncio.get_running_loop().time() - before

    for speed in (None, 2.0):
        seen, seconds = run(main(speed))
        assert sorted(seen) == list(range(1000))
        assert not speed or seconds >= 0.0499 / speed  # never ahead of its time


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Loopback(0), "at least 1"),
        (lambda: Loopback(1, "panic"), "policy must be one of"),
        (lambda: TcpReceiver(0, 4), "a pool has 2 batches"),
        (lambda: TcpReceiver(10, 1), "a pool has 2 batches"),
        (lambda: TcpSender(socket.socket(), "drop-oldest"), "tcp cannot drop-oldest"),
        (lambda: ShmSender(Ring.pair(2)[0], "drop-oldest"), "shm cannot drop-oldest"),
        (lambda: ShmSender(Ring.pair(2)[1]), "producer's end"),
        (lambda: ShmReceiver(Ring.pair(2)[0]), "consumer's end"),
        (lambda: ShmReceiver(Ring.pair(2)[1], 0), "at least 1 event"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_input_of_listeners_and_replays(run, tmp_path):
    async def main():
        with pytest.raises(ValueError, match="a pool has"):
            await TcpListener.listen(most=0)
        with pytest.raises(OSError):
            await TcpSender.connect(1, key=KEY)
        listener = await TcpListener.listen(key=KEY)
        sender = await TcpSender.connect(listener.port, key=KEY)
        with pytest.raises(ValueError, match="events"):
            await sender.send(np.zeros(3))
        await sender.end()
        listener.close()

    run(main())
    with Recorder(tmp_path / "none"):
        pass
    with Replay(tmp_path / "none") as replay:
        for arguments, message in (((0,), "at least 1 event"), ((1, 0.0), "speed")):
            with pytest.raises(ValueError, match=message):
                ReplayReceiver(replay, *arguments)
