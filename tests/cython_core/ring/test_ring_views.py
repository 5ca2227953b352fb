"""Views of a ring's events: pointed anew where nobody kept them, left alone where somebody did."""

import asyncio
import gc
import weakref

import numpy as np
import pytest

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.protocol import EndOfStream
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from cython_core import Ring, allocate, number


@pytest.fixture
def ends():
    producer, consumer = Ring.pair(64)
    yield producer, consumer
    for end in (producer, consumer):
        end.abort()


def push(producer, first, n):
    number(producer.reserve(n), first, 0)
    producer.commit()


def taken(consumer, n=None):
    """Return a batch's address and sequences, and release it."""
    view = consumer.peek(n)
    found = view.ctypes.data, view["sequence"].tolist()
    del view
    consumer.release()
    return found


def test_views_that_nobody_kept_are_one_and_show_what_came(ends):
    producer, consumer = ends
    seen = set()
    for lap in range(100):  # also across the ring's end
        push(producer, 7 * lap, 7)
        view = consumer.peek(7)
        seen.add(id(view))
        assert view["sequence"].tolist() == list(range(7 * lap, 7 * lap + 7))
        assert not view.flags.writeable
        del view
        consumer.release()
    assert len(seen) == 1


def test_a_loop_that_still_has_the_last_batch_needs_two(ends):
    producer, consumer = ends
    seen = set()
    for lap in range(20):
        push(producer, lap, 1)
        batch = consumer.peek()
        seen.add(id(batch))
        consumer.release()
    assert len(seen) == 2
    assert batch["sequence"].tolist() == [19]


KEEPERS = {
    "itself": lambda view: view,
    "a slice": lambda view: view[1:],
    "a field": lambda view: view["sequence"],
    "a buffer": lambda view: memoryview(view.view(np.uint8)),
    "its own buffer": memoryview,
    "a weak reference": weakref.ref,
    "its base": lambda view: view.base,
}


@pytest.mark.parametrize("how", KEEPERS)
def test_what_somebody_kept_stays_where_it_was(ends, how):
    producer, consumer = ends
    push(producer, 0, 3)
    view = consumer.peek()
    address = view.ctypes.data
    kept = KEEPERS[how](view)
    if how == "a weak reference":
        assert kept() is view
    del view
    consumer.release()
    for lap in range(1, 4):
        push(producer, 3 * lap, 3)
        assert taken(consumer) == (address + 3 * lap * 64, [3 * lap, 3 * lap + 1, 3 * lap + 2])
    if how == "itself":
        assert (kept.ctypes.data, kept["sequence"].tolist()) == (address, [0, 1, 2])
    if how == "a field":
        assert kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize("change", ["shape", "dtype", "writeable"])
def test_a_view_that_was_changed_is_not_used_again(ends, change):
    producer, _ = ends
    room = producer.reserve(4)
    if change == "shape":
        room.shape = (2, 2)
    elif change == "dtype":
        room.dtype = np.uint8
    else:
        room.flags.writeable = False
    del room
    producer.commit()
    room = producer.reserve(4)
    assert room.shape == (4,) and room.flags.writeable and "sequence" in room.dtype.names
    producer.commit()


def test_a_view_that_only_the_ring_holds_does_not_keep_it_open(ends):
    producer, consumer = ends
    push(producer, 0, 2)
    view = consumer.peek()
    with pytest.raises(BufferError, match="1 views of 2 claimed events"):
        consumer.close()
    field = view["sequence"]
    del view
    with pytest.raises(BufferError):
        consumer.close()
    assert field.tolist() == [0, 1]
    del field
    consumer.close()
    producer.close()


def test_a_view_outlives_its_ring(ends):
    producer, consumer = ends
    push(producer, 5, 2)
    view = consumer.peek()
    consumer.release()
    consumer.close()
    producer.close()
    gc.collect()
    assert view["sequence"].tolist() == [5, 6]


def test_a_peek_that_is_repeated_counts_once(ends):
    producer, consumer = ends
    push(producer, 0, 2)
    for _ in range(3):
        consumer.peek()
    view = consumer.peek()
    with pytest.raises(BufferError, match="1 views of 2 claimed"):
        consumer.close()
    del view
    consumer.close()


def test_a_receiver_gives_what_is_there_and_waits_for_the_rest():
    async def main():
        producer, consumer = Ring.pair(64)
        receiver, sender = ShmReceiver(consumer, 3), ShmSender(producer)
        assert receiver.ready() is None
        waiting = asyncio.ensure_future(receiver.receive())
        await asyncio.sleep(0.01)
        batch = allocate(5)
        number(batch, 0, 0)
        await sender.send(batch)
        first = await waiting
        assert (first["sequence"].tolist(), receiver.waiting) == ([0, 1, 2], 2)
        del first
        receiver.release()
        assert receiver.ready()["sequence"].tolist() == [3, 4]
        receiver.release()
        assert receiver.ready() is None
        await sender.end()
        with pytest.raises(EndOfStream):
            await receiver.receive()
        receiver.close()
        assert receiver.waiting == 0
        with pytest.raises(ValueError, match="closed"):
            receiver.ready()

    asyncio.run(main())


def test_batches_of_a_ring_come_to_a_bus_by_one_view():
    """Which is what makes them cheap; those that a handler keeps are made anew."""
    kept, seen = [], []

    async def main():
        producer, consumer = Ring.pair(64)
        bus = Bus(["a"], capacity=8, numbered=True)

        @bus.on("a")
        def handle(batch, indices):
            seen.append(id(batch))
            if len(seen) == 5:
                kept.append(batch)

        for first in range(0, 32, 4):
            push(producer, first, 4)
        producer.close()
        bus.attach(ShmReceiver(consumer, 4))
        await bus.run()
        assert bus.instruments.gaps == 0
        assert bus.instruments.handled == [32]

    asyncio.run(main())
    assert len(seen) == 8
    assert len(set(seen[:5])) == 1 and len(set(seen[5:])) == 1
    assert kept[0]["sequence"].tolist() == [16, 17, 18, 19]
