"""A numbered bus counts what is missing, per receiver, and handles what came."""

import asyncio
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.loopback import Loopback
from cython_core import allocate


def batch_of(sequences):
    batch = allocate(len(sequences))
    batch["sequence"] = np.array(sequences, dtype=np.uint64)
    batch["topic"] = np.arange(len(sequences)) % 2
    return batch


async def drained(streams, *, waits, numbered=True):
    """Run a bus over one receiver a stream of batches; return it and the sequences it handled."""
    bus, seen = Bus(["a", "b"], numbered=numbered), []
    if waits:

        @bus.on("*")
        async def handle(batch, indices):
            await asyncio.sleep(0)
            seen.extend(batch["sequence"][indices].tolist())

    else:

        @bus.on("*")
        def handle(batch, indices):
            seen.extend(batch["sequence"][indices].tolist())

    for stream in streams:
        fabric = Loopback(depth=len(stream) + 1)
        for sequences in stream:
            await fabric.send(batch_of(sequences))
        await fabric.end()
        bus.attach(fabric)
    await bus.run()
    assert not bus.lost
    return bus, seen


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=5), min_size=1, max_size=3),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.data(),
)
def test_each_batch_that_breaks_off_is_counted_once(sizes, first, waits, data):
    streams, breaks = [], 0
    for stream in sizes:
        batches, at = [], first  # each receiver has numbers of its own, the same here
        for n in stream:
            lost = data.draw(st.integers(0, 2)) if n else 0
            where = data.draw(st.integers(0, max(0, n - 1)))
            if not any(batches) and where == 0:
                lost = 0  # nobody can miss what came before the first
            breaks += lost > 0
            behind = [(at + j + lost * (j >= where)) % 2**64 for j in range(n)]
            batches.append(behind)
            at = (behind[-1] + 1) % 2**64 if n else at
        streams.append(batches)
    bus, seen = asyncio.run(drained(streams, waits=waits))
    assert bus.instruments.gaps == breaks
    assert bus.instruments.summary()["sequence_gaps"] == breaks
    assert sorted(seen) == sorted(s for stream in streams for batch in stream for s in batch)


def test_what_breaks_off_at_one_receiver_leaves_an_empty_batch_of_another_alone():
    # Async handlers wait for their turn, and meanwhile others count what they miss.
    bus, _ = asyncio.run(drained([[[]], [[], [1, 2], [9], []]] * 10, waits=True))
    assert bus.instruments.gaps == 10


def test_the_first_break_is_logged_with_what_should_have_come(caplog):
    with caplog.at_level(logging.ERROR, "aethermodel.bus"):
        bus, _ = asyncio.run(drained([[[5, 6], [8, 9], [11]]], waits=False))
    assert bus.instruments.gaps == 2
    assert [r.getMessage() for r in caplog.records] == ["event 7 should come, event 8 came"]
    bus.instruments.clear()
    assert bus.instruments.gaps == 0


@pytest.mark.parametrize("waits", [False, True])
def test_a_bus_that_was_not_asked_compares_nothing(waits):
    bus, seen = asyncio.run(drained([[[3, 1], [7]]], waits=waits, numbered=False))
    assert bus.instruments.gaps == 0
    assert sorted(seen) == [1, 3, 7]
