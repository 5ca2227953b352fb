"""Records of any size from another process: each once, in order, and as it was made."""

import asyncio

import pytest

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.measure.harness.batch_pool import BatchForm, numbered_record
from aethermodel.measure.harness.bus_run import across
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from aethermodel.measure.harness.ring_size import ring_bytes, ring_capacity
from cython_core import as_bytes

N, TOPICS = 50, 4


@pytest.mark.parametrize("size", [8, 16, 24, 256, 65_536])
@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_every_record_comes_once_in_order_and_whole(fabric, size):
    """The ring goes round: its capacity is no multiple of the batch."""
    form = BatchForm(N, TOPICS, record_bytes=size)
    made = form.make(N if fabric == "tcp" else ring_capacity(N, size))
    numbered, batches = form.numbering(), 2 + len(made) // N

    async def main():
        crossing = await Crossing.open(fabric, N, TOPICS, record_bytes=size)
        try:
            first = crossing.order(batches, N)
            checked = Checked(crossing.receiver, batches, first, record=crossing.record)
            for i in range(batches):
                batch = await checked.receive()
                at = 0 if fabric == "tcp" else N * i % len(made)
                if at + N <= len(made):  # the rest of a lap goes on in the next
                    own = made[at : at + N]
                    time = batch["timestamp_ns"][0] if size >= 32 else 0
                    numbered(own, N * i, time)
                    assert (as_bytes(batch) == as_bytes(own)).all()
                checked.release()
            moved = await across(crossing, N, TOPICS)(5, 0)
            return moved, crossing.sent, crossing.receiver.copies
        finally:
            crossing.close()

    moved, sent, copies = asyncio.run(main())
    assert sent == N * (batches + 5) and moved.messages == 5 * N and moved.seconds > 0
    assert copies == (2 if fabric == "tcp" else 0)
    # Below 32 bytes there is no room for the time that a batch was due.
    assert moved.latency_ns.count == (5 if size >= 32 else 0)


@pytest.mark.parametrize("size", [8, 64, 4096])
def test_a_record_out_of_sequence_is_told_by_its_number(size):
    form = BatchForm(3, 2, record_bytes=size)
    batch, highest = form.make(), 2**32 - 1 if size == 8 else 2**64 - 1
    form.numbering()(batch, highest, 0)  # the next ones begin again
    batch["sequence"][2] += 1

    async def main():
        fabric = Loopback(2)
        await fabric.send(batch)
        await Checked(fabric, 1, highest, record=numbered_record(size)).receive()

    with pytest.raises(OutOfSequenceError, match="event 1 should come, event 2 came"):
        asyncio.run(main())


def test_a_ring_of_other_records_has_as_many_bytes():
    for n in (1, 100, 8192):
        assert ring_bytes(n, 64) == ring_bytes(n)
        assert ring_capacity(n, 8) >= ring_capacity(n)
    assert ring_capacity(1, 65_536) == 8 and ring_capacity(100, 65_536) == 256
