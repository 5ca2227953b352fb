"""The bus by what it promises: each event once, in order, in place; failures isolated."""

import asyncio
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import SIGNALS, Backlogged, Bus
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import Ring, allocate

NAMES = ["md.trade", "md.quote", "host.cpu"]


def batch_of(topics, first=0):
    batch = allocate(len(topics))
    batch["topic"] = topics
    batch["sequence"] = np.arange(first, first + len(topics))
    return batch


async def all_of(bus, *batches):
    """Run a bus over some published batches, and stop it."""
    task = asyncio.create_task(bus.run())
    for batch in batches:
        await bus.publish(batch)
    bus.stop()
    await task


topic_lists = st.lists(st.lists(st.integers(0, 2), max_size=20), max_size=6)


@settings(deadline=None)
@given(topic_lists, st.booleans())
def test_every_event_reaches_every_handler_of_its_topic_in_order(batches, waits):
    bus = Bus(NAMES)
    seen = {"one": [], "md": [], "all": []}

    def handler(key):
        def sync(batch, indices):
            assert len(set(batch["topic"][indices])) == 1  # one topic a call
            seen[key] += batch["sequence"][indices].tolist()

        async def later(batch, indices):
            await asyncio.sleep(0)
            sync(batch, indices)

        return later if waits else sync

    bus.on("md.quote")(handler("one"))
    bus.on("md.*")(handler("md"))
    bus.on("**")(handler("all"))
    made, first = [], 0
    for topics in batches:
        made.append(batch_of(topics, first))
        first += len(topics)
    asyncio.run(all_of(bus, *made))
    flat = [(int(e["sequence"]), int(e["topic"])) for b in made for e in b]
    assert seen["one"] == [s for s, t in flat if t == 1]
    for key, wanted in (("md", {0, 1}), ("all", {0, 1, 2})):
        assert sorted(seen[key]) == [s for s, t in flat if t in wanted]
        for topic in wanted:
            of_topic = [s for s, t in flat if t == topic]
            assert [s for s in seen[key] if s in of_topic] == of_topic
    table = bus.instruments.table()
    assert table["events"].sum() == sum(map(len, seen.values()))
    assert bus.instruments.summary()["events"] == len(flat)


def test_a_handler_that_fails_is_counted_and_the_others_go_on(run, caplog):
    bus = Bus(NAMES)
    seen = []

    @bus.on("md.trade")
    def broken(batch, indices):
        raise KeyError("no such instrument")

    @bus.on("md.trade")
    async def broken_too(batch, indices):
        raise OSError("nobody there")

    @bus.on("md.trade")
    def healthy(batch, indices):
        seen.append(len(indices))

    run(all_of(bus, *(batch_of([0, 0]) for _ in range(7))))
    assert seen == [2] * 7
    assert bus.instruments.failed == [14, 0, 0]
    assert {str(failure) for failure in bus.failures} == {
        "KeyError: 'no such instrument'",
        "OSError: nobody there",
    }
    assert bus.failures[0].topic == 0
    assert len([r for r in caplog.records if "failed on md.trade" in r.message]) == 2


def test_a_batch_with_an_unknown_topic_is_refused_and_the_next_one_handled(run):
    bus = Bus(NAMES)
    seen = []
    bus.on("**")(lambda batch, indices: seen.append(len(indices)))
    run(all_of(bus, batch_of([0, 3]), batch_of([1])))
    assert seen == [1]
    assert bus.instruments.refused == 2


def test_drop_oldest_keeps_the_newest_and_counts_the_rest(run):
    bus = Bus(NAMES, depth=2, policy="drop-oldest")
    seen = []
    bus.on("**")(lambda batch, indices: seen.extend(batch["sequence"][indices].tolist()))

    async def flood():
        for i in range(5):
            await bus.publish(batch_of([0, 0], 2 * i))
        bus.stop()
        await bus.run()

    run(flood())
    assert seen == [6, 7, 8, 9]
    assert bus.instruments.dropped == 6


def test_fail_refuses_what_does_not_fit_and_loses_nothing_else(run):
    bus = Bus(NAMES, depth=2, policy="fail")
    seen = []
    bus.on("**")(lambda batch, indices: seen.extend(batch["sequence"][indices].tolist()))

    async def flood():
        refused = 0
        for i in range(5):
            try:
                await bus.publish(batch_of([0], i))
            except Backlogged:
                refused += 1
        bus.stop()
        await bus.run()
        return refused

    assert run(flood()) == 3
    assert seen == [0, 1]
    assert bus.instruments.dropped == 0


def test_block_makes_producers_wait_and_those_who_wait_at_the_end_are_told(run):
    bus = Bus(NAMES, depth=1)
    seen = []
    bus.on("**")(lambda batch, indices: seen.extend(batch["sequence"][indices].tolist()))

    async def crowd():
        producers = [asyncio.create_task(bus.publish(batch_of([0], i))) for i in range(4)]
        await asyncio.sleep(0)
        assert sum(p.done() for p in producers) == 1
        bus.stop()
        await bus.run()
        return await asyncio.gather(*producers, return_exceptions=True)

    outcomes = run(crowd())
    refused = [o for o in outcomes if isinstance(o, ValueError)]
    assert len(refused) + len(seen) == 4
    assert seen == list(range(len(seen)))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_drains_what_was_committed_and_ends(run, number):
    producer, consumer = Ring.pair(64)
    seen = []

    async def main():
        bus = Bus(NAMES)
        bus.attach(ShmReceiver(consumer, most=4))

        @bus.on("**")
        def handle(batch, indices):
            seen.extend(batch["sequence"][indices].tolist())
            if len(seen) == 4:  # in the middle: the signal comes while much still waits
                os.kill(os.getpid(), number)

        await ShmSender(producer).send(batch_of([0] * 40))
        await bus.run(signals=SIGNALS)
        return bus

    bus = run(main())
    assert seen == list(range(40))
    assert bus.lost == []
    producer.abort()


def test_events_of_a_ring_are_seen_in_place(run):
    """Not one byte is copied between commit and handler: the very same memory."""
    producer, consumer = Ring.pair(1024)
    shared = []

    async def main():
        bus = Bus(NAMES)
        bus.attach(ShmReceiver(consumer))
        sender = ShmSender(producer)
        view = await sender.reserve(10)
        view[:] = batch_of([0, 1] * 5)

        @bus.on("**")
        def handle(batch, indices):
            # Both ends map the memory apart: what the producer still writes must show.
            before = batch["flags"][0]
            view["flags"][0] = before + 1
            shared.append((batch["flags"][0] - before, batch.flags.writeable, len(indices)))

        sender.commit()
        await sender.end()
        await bus.run()
        return bus.instruments.copied_bytes

    assert run(main()) == 0
    assert shared == [(1, False, 5), (1, False, 5)]


@pytest.mark.parametrize("waits", [False, True])
def test_every_byte_of_every_event_is_seen_where_the_producer_wrote_it(run, waits):
    """Counted: what the producer's own mapping changes after its commit must show, byte by byte."""
    producer, consumer = Ring.pair(256)
    sizes = [1, 100, 255, 7, 64] * 10  # many laps, and batches over the ring's end
    room, seen = [], {"in place": 0, "calls": 0}

    def look(batch, indices):
        theirs, ours = (a.view("u1").reshape(-1, 64) for a in (room[-1], batch))
        before = ours[indices].copy()
        theirs[indices] ^= 0xFF
        seen["in place"] += int(((ours[indices] ^ before) == 0xFF).sum())
        theirs[indices] ^= 0xFF
        seen["calls"] += 1

    async def later(batch, indices):
        await asyncio.sleep(0)
        look(batch, indices)

    async def main():
        bus = Bus(NAMES)
        bus.on("**")(later if waits else look)
        bus.attach(ShmReceiver(consumer))
        running = asyncio.create_task(bus.run())
        sender, first = ShmSender(producer), 0
        for n in sizes:
            room.append(await sender.reserve(n))
            room[-1][:] = batch_of([i % 3 for i in range(n)], first)
            first += n
            sender.commit()
            while sum(bus.instruments.handled) < first:
                await asyncio.sleep(0)
        room.clear()
        await sender.end()
        await running
        return bus

    bus = run(main())
    assert not bus.failures
    assert seen["in place"] == 64 * sum(sizes)
    assert seen["calls"] == sum(min(n, 3) for n in sizes)
    assert bus.instruments.copied_bytes == 0


def test_what_is_published_is_handled_in_place(run):
    bus = Bus(NAMES)
    batch = batch_of([0, 1, 2])
    same = []
    bus.on("**")(lambda seen, indices: same.append(seen is batch))
    run(all_of(bus, batch))
    assert same == [True] * 3


def test_several_producers_fan_in_each_in_its_own_order(run):
    sources = 3
    ends = [Ring.pair(32) for _ in range(sources)]
    seen = {source: [] for source in range(sources)}

    async def produce(source, ring):
        sender = ShmSender(ring)
        for i in range(50):
            batch = batch_of([i % 3] * 7, 7 * i)
            batch["source"] = source
            await sender.send(batch)
        await sender.end()

    async def main():
        bus = Bus(NAMES)

        @bus.on("**")
        def handle(batch, indices):
            for event in batch[indices]:
                seen[int(event["source"])].append(int(event["sequence"]))

        for _, consumer in ends:
            bus.attach(ShmReceiver(consumer, most=7))
        async with asyncio.TaskGroup() as group:
            for source, (producer, _) in enumerate(ends):
                group.create_task(produce(source, producer))
            group.create_task(bus.run())

    run(main())
    assert all(events == list(range(350)) for events in seen.values())


def test_a_producer_that_dies_is_told_and_the_others_go_on(run):
    first, second = Ring.pair(32), Ring.pair(32)
    seen = []

    async def main():
        bus = Bus(NAMES)
        bus.on("**")(lambda batch, indices: seen.append(len(indices)))
        for _, consumer in (first, second):
            bus.attach(ShmReceiver(consumer))
        await ShmSender(first[0]).send(batch_of([0] * 3))
        first[0].abort()
        healthy = ShmSender(second[0])
        await healthy.send(batch_of([1] * 5))
        await healthy.end()
        await bus.run()
        return bus.lost

    ((label, error),) = run(main())
    assert label == "shared-memory"
    assert "3 events committed" in str(error)
    assert sorted(seen) == [3, 5]


def test_bad_input():
    with pytest.raises(ValueError, match="at least 1 event"):
        Bus(NAMES, capacity=0)
    with pytest.raises(ValueError, match="queue depth"):
        Bus(NAMES, depth=0)
    with pytest.raises(ValueError, match="policy"):
        Bus(NAMES, policy="panic")
    bus = Bus(NAMES, capacity=2)
    with pytest.raises(ValueError, match="no topic matches"):
        bus.on("md.trades")
    with pytest.raises(ValueError, match="a handler is called"):
        bus.on("md.*")("print")
    with pytest.raises(ValueError, match="2 events a batch, not 3"):
        asyncio.run(bus.publish(make_batch(3, 3, 0)))


def test_a_bus_runs_once_and_takes_nothing_after():
    async def main():
        bus = Bus(NAMES)
        bus.stop()
        await bus.run()
        with pytest.raises(RuntimeError, match="runs once"):
            await bus.run()
        with pytest.raises(ValueError, match="takes nothing more"):
            await bus.publish(batch_of([0]))
        with pytest.raises(ValueError, match="takes nothing more"):
            bus.attach(Loopback(1))

    asyncio.run(main())
