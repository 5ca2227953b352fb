"""The soak: what it verifies it finds when it is broken, and its verdict knows no speed."""

import asyncio
import mmap
import os

import numpy as np
import pytest

from aethermodel.bench import soak as module
from aethermodel.bench.soak import InOrder, Soak
from aethermodel.bench.soak_memory import own_bytes
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.receivers import Checked, OutOfSequenceError
from cython_core import stamp

SHORT = Soak(seconds=1.2, batch_size=500, topics=4, load=0.3)


@pytest.mark.parametrize("fabric", ["shm", "tcp"])
def test_a_short_soak_holds(fabric):
    seen = []
    found = SHORT.model_copy(update={"fabric": fabric}).run(lambda *d: seen.append(d))
    assert found["held"], found["why"]
    assert found["messages"] % 500 == 0
    assert found["label"] == {"shm": "shared-memory", "tcp": "kernel-tcp"}[fabric]
    assert found["verified_by"] == ["sequence", "checksum"]
    assert found["memory_bytes"][0] > 0
    assert seen[0][1] == 1


def test_events_without_their_checksum_fail_the_soak(monkeypatch):
    """The producer does not stamp: nothing but the checksum can tell."""
    whole = Crossing.open

    async def unstamped(*arguments, checksum):
        return await whole(*arguments)

    monkeypatch.setattr(Crossing, "open", unstamped)
    found = SHORT.run()
    assert not found["held"]
    assert "event 0 was damaged on its way" in found["why"][0]
    assert any("handlers saw 0 of" in why for why in found["why"])


@pytest.mark.parametrize("byte", [8, 16, 20, 24, 32, 55, 56, 60])
def test_one_bit_of_any_field_is_found_by_its_checksum(byte):
    """The number of an event is right, and what came with it is not."""

    async def main():
        fabric, batch = Loopback(2), make_batch(10, 2, 0)
        stamp(batch)
        receiver = Checked(fabric, 3, verify=True, lap=10)
        await fabric.send(batch)
        await receiver.receive()  # as it was sent it passes
        receiver.release()
        batch.view("u1")[7 * 64 + byte] ^= 1 << 5
        await fabric.send(batch)
        with pytest.raises(OutOfSequenceError, match="event 7 was damaged"):
            await receiver.receive()

    asyncio.run(main())


class Orders:
    """What a producer was told."""

    def __init__(self):
        self.told, self.spent_asked = [], 0

    def order(self, batches, batch_size, interval_ns, due):
        self.told.append((batches, interval_ns, due))

    def spent(self):
        self.spent_asked += 1


def pulled(seconds, interval_ns, clock, monkeypatch):
    """Play the consumer: ask for slice after slice, by a clock of ours."""
    monkeypatch.setattr(module, "now_ns", clock)
    slices, orders = module._Slices.lasting(seconds, interval_ns), Orders()
    more = slices.begin(orders, 10)
    taken = []
    while batches := more():
        taken.append(batches)
        assert len(orders.told) <= len(taken) + 1  # one ahead
    assert [batches for batches, _, _ in orders.told] == taken
    assert orders.spent_asked == len(taken)
    assert slices.passed == sum(taken)
    return slices, orders.told


def test_slices_add_up_and_their_times_run_on(monkeypatch):
    slices, told = pulled(3.5, 10_000_000, lambda: 1000, monkeypatch)
    assert [batches for batches, _, _ in told] == [100, 100, 100, 50]
    assert [due for _, _, due in told] == [1000 + k * 1_000_000_000 for k in range(4)]
    assert slices.kept_up


def test_a_host_that_falls_behind_ends_in_time_and_says_so(monkeypatch):
    times = iter(range(1, 10**12, 2_000_000_000))  # two seconds a look, where one was planned
    slices, told = pulled(10.0, 10_000_000, lambda: next(times), monkeypatch)
    assert not slices.kept_up
    assert sum(batches for batches, _, _ in told) == slices.passed == 600


@pytest.mark.parametrize(
    ("memory", "grown"),
    [
        ([], 0),
        ([5, 9, 9], 0),
        ([1, 9, 9, 9], 0),
        ([0, 0, 10, 20, 30, 40, 50, 60], 40),
        ([9, 5, 4, 3], -2),
    ],
)
def test_growth_is_from_the_second_quarter_to_the_last(memory, grown):
    assert module.growth(memory) == grown


def test_what_a_process_holds_is_seen():
    before = own_bytes(os.getpid())
    # Of its own, as what an allocator hands out may have been held before.
    with mmap.mmap(-1, 2**26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held[:] = b"x" * len(held)
        assert own_bytes(os.getpid()) - before >= 0.9 * len(held)


def test_order_within_a_topic_is_kept_account_of():
    order = InOrder()
    batch = make_batch(6, 2, 0)
    order.handle(batch, np.array([0, 2, 5], dtype=np.uint32))
    for indices in ([5], [3], []):
        with pytest.raises((OutOfSequenceError, IndexError)):
            order.handle(batch, np.array(indices, dtype=np.uint32))
    assert order.events == 3
