"""The verbs fabric keeps every promise of the others, and its batches are written in place."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import Any

import numpy as np
import pytest
import uvloop

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import CAPACITY, SECRET, both, child, numbered

from aethermodel.bus import Backlogged, Bus, EndOfStream, SenderLost
from aethermodel.bus.fabrics.verbs.exchange import RefusedError
from aethermodel.bus.fabrics.verbs.fabric import VerbsListener, VerbsReceiver, VerbsSender
from cython_core import Ring, first_gap
from cython_core.verbs.errors import PeerDiedError


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: Any) -> Any:
    return request.param


async def drain(receiver: VerbsReceiver) -> tuple[list[int], bytes]:
    """Sizes and bytes of all batches until the end."""
    sizes: list[int] = []
    seen = bytearray()
    with contextlib.suppress(EndOfStream):
        while True:
            batch = await receiver.receive()
            assert not batch.flags.writeable and batch.ctypes.data % 64 == 0
            sizes.append(len(batch))
            seen += batch.tobytes()
            del batch
            receiver.release()
    return sizes, bytes(seen)


def test_batches_arrive_in_order_across_the_end_of_the_ring(run: Any) -> None:
    sizes = [1, 7, 200, 64, 250, 256, 3] * 6  # 18 laps of the ring, most of them across its end
    oracle = bytearray()

    async def main() -> tuple[int, int, bytes, Any]:
        async with both() as (sender, receiver):
            task = asyncio.create_task(drain(receiver))
            first = 0
            for i, size in enumerate(sizes):
                batch = numbered(size, first)
                oracle.extend(batch.tobytes())
                if i % 2:
                    await sender.send(batch)
                else:
                    (await sender.reserve(size)).view(np.uint8)[:] = batch.view(np.uint8)
                    sender.commit()
                first += size
            await sender.end()
            await sender.end()  # idempotent
            _, seen = await task
            assert receiver.copies == 0 and receiver.label == sender.label == "soft-roce"
            return first, sender.delivered, seen, receiver.arrivals.failure

    first, delivered, seen, failure = run(main())
    assert (first, delivered, failure) == (sum(sizes), sum(sizes), None)
    assert seen == bytes(oracle)


@pytest.mark.parametrize(("count", "p", "k"), [(1, 1, 1), (21, 1, 16), (21, 4, 8), (50, 16, 32)])
def test_exact_counts(count: int, p: int, k: int) -> None:
    async def main() -> tuple[dict[str, int], dict[str, int], list[int]]:
        async with both(list_length=p, signal_every=k) as (sender, receiver):
            for i in range(count):
                await sender.send(numbered(4, 4 * i))
            await sender.end()
            sizes, _ = await drain(receiver)
            return sender.counters, receiver.arrivals.counters, sizes

    sent, received, sizes = asyncio.run(main())
    messages = count + 1  # and the goodbye
    assert sent == {
        "posts": -(-messages // p),
        "signalled": -(-messages // k),
        "completions": -(-messages // k),
        "flushed": 0,
        "recoveries": 0,
        "repeated": 0,
    }
    assert sum(sizes) == 4 * count
    assert received["wakeups"] <= messages


def test_back_pressure_of_ring_and_receives() -> None:
    async def main() -> None:
        async with both(receives=8, policy="fail") as (sender, receiver):
            for i in range(8):  # each has a receive of its own, however small
                await sender.send(numbered(1, i))
            with pytest.raises(Backlogged):
                await sender.send(numbered(1, 8))
            for i in range(8):
                while not receiver.waiting:
                    await asyncio.sleep(0.001)
                assert len(await receiver.receive()) + i <= 8
                receiver.release()
                if not receiver.waiting:
                    break
            await asyncio.sleep(0.05)
            await sender.send(numbered(CAPACITY, 8))
            with pytest.raises(Backlogged):
                await sender.send(numbered(1, 8))
            with pytest.raises(ValueError, match="1 to 256"):
                await sender.send(numbered(CAPACITY + 1, 8))
            assert sender.consumed == 8

    asyncio.run(main())


def test_a_blocked_sender_goes_on_with_what_is_released_in_parts(run: Any) -> None:
    async def main() -> tuple[list[int], bytes]:
        async with both(receives=4, most=50) as (sender, receiver):
            task = asyncio.create_task(drain(receiver))
            for i in range(12):
                await sender.send(numbered(CAPACITY - i, 0))
            await sender.end()
            return await task

    sizes, seen = run(main())
    assert sum(sizes) == sum(CAPACITY - i for i in range(12)) == len(seen) // 64
    assert max(sizes) <= 50


def test_a_bus_sees_the_events_in_place(run: Any) -> None:
    bus = Bus([f"t.{i}" for i in range(4)])
    seen: list[int] = []

    @bus.on("t.*")
    def handle(batch: Any, indices: Any) -> None:
        # The memory that the device wrote to is nobody's to write.
        assert not batch.flags.writeable and batch.ctypes.data % 64 == 0
        seen.extend(batch["sequence"][indices].tolist())

    async def main() -> None:
        async with both() as (sender, receiver):
            bus.attach(receiver)
            task = asyncio.create_task(bus.run())
            for i in range(20):
                await sender.send(numbered(100, 100 * i))
            await sender.end()
            await task

    run(main())
    assert sorted(seen) == list(range(2000))
    assert bus.lost == [] and not bus.failures and bus.instruments.copied_bytes == 0


def test_the_consumer_may_be_elsewhere() -> None:
    async def main() -> int:
        producer, consumer = Ring.pair(CAPACITY)
        listener = VerbsListener(SECRET)
        arrivals, sender = await asyncio.gather(
            listener.land(producer), VerbsSender.connect(listener.port, secret=SECRET)
        )
        listener.close()

        def consume() -> int:  # as over shared memory
            events = 0
            for batch in consumer:
                assert first_gap(batch, events) == -1
                events += len(batch)
            return events

        thread = asyncio.create_task(asyncio.to_thread(consume))
        for i in range(20):
            await sender.send(numbered(100, 100 * i))
        await sender.end()
        events = await thread
        consumer.close()
        arrivals.close()
        return events

    assert asyncio.run(main()) == 2000


def test_a_stranger_is_refused_and_nothing_secret_is_shown() -> None:
    async def main() -> None:
        listener = VerbsListener(SECRET)
        accepted, stranger = await asyncio.gather(
            listener.accept(2),
            VerbsSender.connect(listener.port, secret=b"guessed" * 4),
            return_exceptions=True,
        )
        assert isinstance(accepted, TimeoutError)
        assert isinstance(stranger, (RefusedError, ConnectionError))
        listener.close()
        async with both() as (sender, receiver):
            shown = repr((sender, receiver, receiver.arrivals, vars(sender), vars(receiver)))
            memory = receiver.arrivals.connection.queue_pair.endpoint()
            assert SECRET.decode() not in shown
            assert str(memory.credit_key) not in shown

    asyncio.run(main())


def test_the_sender_is_killed() -> None:
    async def main() -> tuple[int, str, float]:
        listener = VerbsListener(SECRET, capacity=CAPACITY)
        process = child("sender", str(listener.port))
        receiver = await listener.accept(120)
        listener.close()
        events, killed = 0, 0.0
        with pytest.raises(SenderLost) as caught:
            while True:
                batch = await asyncio.wait_for(receiver.receive(), 60 if not killed else 1)
                assert first_gap(batch, events) == -1
                events += len(batch)
                del batch
                receiver.release()
                if events > 1000 and not killed:
                    process.send_signal(signal.SIGKILL)
                    killed = time.monotonic()
        seconds = time.monotonic() - killed
        assert process.wait() == -signal.SIGKILL
        receiver.close()
        return events, str(caught.value), seconds

    events, words, seconds = asyncio.run(main())
    assert f" {events} events committed, {events} consumed" in words
    assert events % 10 == 0
    assert seconds < 1


def test_the_receiver_is_killed() -> None:
    process = child("receiver")
    assert process.stdout is not None
    port, out = int(process.stdout.readline()), process.stdout

    async def main() -> tuple[PeerDiedError, int, int]:
        sender = await VerbsSender.connect(port, secret=SECRET)
        sent = 0
        while sender.consumed < 1000:
            if sent < 1200:
                await sender.send(numbered(10, sent))
                sent += 10
            else:
                await asyncio.sleep(0.01)  # it looks after what came by itself
        assert int(out.readline()) == sender.consumed
        while sent < sender.consumed + CAPACITY - 10:  # what the ring still takes
            await sender.send(numbered(10, sent))
            sent += 10
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        with pytest.raises(PeerDiedError) as caught:
            async with asyncio.timeout(1):
                await sender.send(numbered(100, sent))
        sender.close()
        return caught.value, sent, sender.consumed

    error, sent, consumed = asyncio.run(main())
    assert process.wait() == -signal.SIGKILL
    # All of it was written before the death, and acknowledged, signalled or not.
    assert error.delivered == sent
    assert f" {sent} events delivered, {consumed} consumed" in str(error)
