"""A bus that always has something to do, beside other tasks of its event loop."""

import asyncio
from itertools import pairwise

import pytest

from aethermodel.bus import Bus
from aethermodel.bus.reader import TICKS_A_TURN
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.receivers import Repeated

TICKS = 200


def handler(ticks, waits):
    def sync(batch, indices):
        ticks.append(len(indices))

    async def later(batch, indices):
        sync(batch, indices)

    return later if waits else sync


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_another_task_has_its_turn_within_a_few_ticks(run, waits, fails):
    bus, ticks, seen = Bus(["a"]), [], []
    batch = make_batch(3, 1, 0)

    async def other():
        while True:
            seen.append(bus.instruments.batch_events.count)
            await asyncio.sleep(0)

    def broken(batch, indices):
        raise OSError

    async def main():
        bus.on("a")(handler(ticks, waits))
        if fails:
            bus.on("a")(broken)
        bus.attach(Repeated(batch, TICKS))
        beside = asyncio.create_task(other())
        await bus.run()
        beside.cancel()

    run(main())
    assert len(ticks) == TICKS
    assert seen[-1] == TICKS
    assert max(later - earlier for earlier, later in pairwise(seen)) <= TICKS_A_TURN + 1


def test_two_producers_take_turns(run):
    bus, sources = Bus(["a"]), []
    bus.on("a")(lambda batch, indices: sources.append(len(batch)))

    async def main():
        for events in (1, 2):
            bus.attach(Repeated(make_batch(events, 1, 0), TICKS))
        await bus.run()

    run(main())
    assert len(sources) == 2 * TICKS
    assert all(
        abs(sources[:i].count(1) - sources[:i].count(2)) <= TICKS_A_TURN for i in range(2 * TICKS)
    )


def test_a_timer_is_not_put_off_by_what_waits(run):
    """It ends the run, which otherwise goes on for ever."""
    bus, ticks = Bus(["a"]), []

    async def main():
        bus.on("a")(handler(ticks, waits=False))
        bus.attach(Repeated(make_batch(1, 1, 0), 10**9))
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(asyncio.wait_for(main(), 120))
    assert ticks
