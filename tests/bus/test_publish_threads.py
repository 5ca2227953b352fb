"""Batches from other threads: handled once, or refused with one clear error."""

import asyncio
import threading

import numpy as np
import pytest
import uvloop
from bus_batches import accounted, batch_of

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.loopback import Loopback


@pytest.mark.parametrize("other", [asyncio.run, uvloop.run])
def test_batches_published_from_another_thread_are_all_handled(run, other):
    bus, seen = Bus(["a"], depth=4), np.zeros(600, dtype=int)

    @bus.on("a")
    def handle(batch, indices):
        seen[batch["sequence"][indices].astype(int)] += 1

    def thread(first):
        async def produce():
            for i in range(200):
                await bus.publish(batch_of(1, first + i))

        other(produce())

    async def main():
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        threads = [threading.Thread(target=thread, args=(200 * i,)) for i in (1, 2)]
        for each in threads:
            each.start()
        for i in range(200):
            await bus.publish(batch_of(1, i))
        while any(each.is_alive() for each in threads):
            await asyncio.sleep(0.001)
        threading.Thread(target=bus.stop).start()
        await running

    run(asyncio.wait_for(main(), 120))
    assert (seen == 1).all()
    assert accounted(bus) == 600


@pytest.mark.parametrize("other", [asyncio.run, uvloop.run])
def test_a_bus_whose_loop_sleeps_is_woken_by_batches_from_another_thread(run, other):
    """Once a batch had filled the queue, nobody woke the loop: 4 of 200 events were handled."""
    bus, seen = Bus(["a"], depth=4), np.zeros(200, dtype=int)

    @bus.on("a")
    def handle(batch, indices):
        seen[batch["sequence"][indices].astype(int)] += 1

    async def main():
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        async def produce():
            for i in range(len(seen)):
                await bus.publish(batch_of(1, i))

        def thread():
            other(produce())
            loop.call_soon_threadsafe(over.set)

        threading.Thread(target=thread, daemon=True).start()
        await asyncio.wait_for(over.wait(), 60)  # with nothing else to do
        bus.stop()
        await running

    run(main())
    assert (seen == 1).all()
    assert accounted(bus) == len(seen)


def test_from_another_thread_errors_come_back_and_none_waits_for_ever(run):
    bus, outcomes = Bus(["a"], depth=1), []

    @bus.on("a")
    async def handle(batch, indices):
        await asyncio.sleep(0.001)

    def thread():
        async def produce():
            try:
                await bus.publish("nonsense")
            except ValueError as error:
                outcomes.append(str(error))
            try:
                while True:
                    await bus.publish(batch_of(1))
            except (ValueError, RuntimeError) as error:
                outcomes.append(str(error))
            try:
                bus.attach(Loopback(1))
            except (ValueError, RuntimeError) as error:
                outcomes.append(str(error))

        asyncio.run(produce())

    async def main():
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        publishing = threading.Thread(target=thread)
        publishing.start()
        while sum(bus.instruments.calls) < 20:
            await asyncio.sleep(0.001)
        bus.stop()
        await running
        return publishing

    run(main()).join(60)
    assert len(outcomes) == 3
    assert "no batch" in outcomes[0]
    assert "takes nothing more" in outcomes[1] or "has ended" in outcomes[1]
    assert accounted(bus) == bus.instruments.batch_events.total


def test_a_bus_that_others_use_on_a_running_loop_does_not_move_to_another(run):
    bus, used, go = Bus(["a"]), threading.Event(), threading.Event()

    def thread():
        async def use():
            await bus.publish(batch_of(1))
            used.set()
            await asyncio.to_thread(go.wait, 60)

        asyncio.run(use())

    publishing = threading.Thread(target=thread)
    publishing.start()
    used.wait(60)

    async def main():
        with pytest.raises(RuntimeError, match="another event loop"):
            await bus.run()

    run(main())
    go.set()
    publishing.join()
