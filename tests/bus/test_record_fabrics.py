"""Records of other sizes from another process: each once, every byte, counted exactly."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forked_children import in_child
from record_dtypes import batch_of

from aethermodel.bus import Batcher, Bus, FixedSize
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.bus.fabrics.tcp import PeerRefused, SharedKey, TcpListener, TcpSender
from cython_core import EVENT, RecordType, Ring, RingHandle, allocate, record_type, stamp, verify

SIZES = (8, 256, 4096, 65_536)
TOPICS, KEY = 4, SharedKey(b"the key of these tests")


def batches(kind: RecordType) -> list[Any]:
    """Six batches of different sizes, stamped."""
    most = min(2000, 2**20 // kind.itemsize)
    made = [batch_of(kind, n, TOPICS, seed=n) for n in (1, most, most // 2 + 1, 3, most - 1, 2)]
    for batch in made:
        stamp(batch)
    return made


async def send_all(sender: Any, kind: RecordType) -> None:
    for batch in batches(kind):
        await sender.send(batch)
    await sender.end()


async def received(receiver: Any, kind: RecordType) -> Bus:
    """Let a bus take all, look at every record, and compare it with what was sent."""
    bus, wanted = Bus([f"t.{i}" for i in range(TOPICS)], record=kind), batches(kind)
    came: list[bytes] = []

    @bus.on("t.*")
    def look(batch: Any, indices: Any) -> None:
        assert not len(verify(batch, record=kind))
        if not came or batch.tobytes() != came[-1]:
            came.append(batch.tobytes())

    bus.attach(receiver)
    await asyncio.wait_for(bus.run(), 120)
    assert b"".join(came) == b"".join(batch.tobytes() for batch in wanted)
    assert not bus.failures and not bus.lost and not bus.instruments.refused
    counts = sum(np.bincount(batch["topic"], minlength=TOPICS) for batch in wanted)
    assert bus.instruments.handled == counts.tolist()
    return bus


@pytest.mark.parametrize("size", SIZES)
def test_a_ring_between_two_processes(size: int) -> None:
    kind = record_type(size)
    ring = Ring.create(2**21 // size, role="consumer", record=kind)
    handle = ring.handle()

    def produce() -> None:
        producer = handle.attach()
        assert producer.record == kind
        asyncio.run(send_all(ShmSender(producer), kind))

    child = in_child(produce)
    handle.close()
    # One batch each: a receiver takes what waits, and the comparison wants whole ones.
    bus = asyncio.run(received(ShmReceiver(ring), kind))
    assert os.waitpid(child, 0)[1] == 0
    assert bus.instruments.copied_bytes == 0


@pytest.mark.parametrize("size", SIZES)
def test_tcp_between_two_processes(size: int) -> None:
    kind = record_type(size)
    read, write = os.pipe()

    def produce() -> None:
        port = int(os.read(read, 16))

        async def main() -> None:
            await send_all(await TcpSender.connect(port, key=KEY, record=kind), kind)

        asyncio.run(main())

    child = in_child(produce)

    async def main() -> Bus:
        listener = await TcpListener.listen(key=KEY, record=kind)
        os.write(write, str(listener.port).encode())
        bus = await received(await listener.accept(), kind)
        listener.close()
        return bus

    bus = asyncio.run(main())
    assert os.waitpid(child, 0)[1] == 0
    assert bus.instruments.copied_bytes == 2 * sum(batch.nbytes for batch in batches(kind))
    os.close(read)
    os.close(write)


def test_records_of_another_size_are_refused() -> None:
    async def main() -> None:
        listener = await TcpListener.listen(key=KEY, record=256)
        with pytest.raises(PeerRefused, match="takes records of 256 bytes, not of 64"):
            await TcpSender.connect(listener.port, key=KEY)
        sender = await TcpSender.connect(listener.port, key=KEY, record=256)
        with pytest.raises(ValueError, match="must be of <RecordType of 256"):
            await sender.send(allocate(3))
        sender.close()
        listener.close()

    asyncio.run(main())
    ring = Ring.create(64, record=256)
    with pytest.raises(ValueError, match="must be of <RecordType of 256"):
        ring.write(allocate(3))
    handle = ring.handle()
    plain = RingHandle(handle.role, *handle.take())  # as from a socket: it says nothing of records
    with pytest.raises(ValueError, match="records of 256 bytes, not of 64: say of which"):
        Ring.attach(plain)
    with pytest.raises(ValueError, match="of 64-byte events only"):
        Bus(["t"], numbered=True, record=256)
    ring.abort()


@pytest.mark.parametrize(("size", "least"), [(8, 512), (24, 512), (64, 64), (256, 16), (65_536, 1)])
def test_a_ring_of_any_record_is_mapped_twice_in_a_row(size: int, least: int) -> None:
    from cython_core.ring.shared_memory import slots_for

    assert slots_for(1, size) == least
    kind = record_type(size)
    producer, consumer = Ring.pair(4, record=kind)
    seen = 0
    for n in (3, 2, 4, 1, 3, 3, 2) * (2 * least // 18 + 2):
        room = producer.reserve(n)
        room["topic"] = np.arange(seen, seen + n)
        producer.commit()
        view = consumer.peek()
        assert view["topic"].tolist() == list(range(seen, seen + n))
        assert not view.flags.writeable and view.dtype == kind.dtype
        consumer.release()
        seen += n
        del room, view
    producer.close()
    consumer.close()


def test_a_batcher_puts_records_together() -> None:
    kind, came = record_type(256), []

    async def take(batch: Any) -> None:
        came.append(batch)

    async def main() -> None:
        async with Batcher(take, FixedSize(10)) as batcher:
            for i in range(8):
                part = allocate(3, kind)
                part["topic"] = i
                await batcher.put(part)

    asyncio.run(main())
    assert [len(batch) for batch in came] == [10, 10, 4]
    assert np.concatenate([b["topic"] for b in came]).tolist() == [
        i for i in range(8) for _ in "abc"
    ]


def test_verbs_tell_each_other_the_size() -> None:
    pytest.importorskip("cython_core.verbs.queue_pair")
    from aethermodel.bus.fabrics.verbs.connection import ring_capacity, smallest_ring
    from cython_core.verbs.endpoint import Endpoint

    kind = record_type(256)
    plain = Endpoint(number=1, psn=2, gid=bytes(16), lid=0, mtu=1024, length=2 * 128 * 256)
    assert Endpoint.from_bytes(plain.to_bytes()).record_bytes == EVENT.itemsize
    own = replace(plain, record_bytes=256)
    assert ring_capacity(Endpoint.from_bytes(own.to_bytes()), kind) == 128
    assert [smallest_ring(record_type(size)) for size in (8, 64, 256)] == [512, 64, 64]
    with pytest.raises(ValueError, match="takes records of 64 bytes, not of 256"):
        ring_capacity(plain, kind)
    with pytest.raises(ValueError, match="no ring"):
        ring_capacity(replace(own, length=own.length + 256), kind)
