"""Cancellation: every event is handled or counted as lost, and the cause is told."""

import asyncio
import gc
import random
import weakref

import pytest
from bus_batches import accounted, batch_of

from aethermodel.bus import Bus, EndOfStream
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.bus.failures import EventsLost
from aethermodel.measure.harness.receivers import Repeated
from cython_core import Ring


class OddError(BaseException):
    """No Exception, and nothing that is meant for the program."""


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [asyncio.CancelledError, OddError, GeneratorExit, KeyError])
def test_whatever_a_handler_raises_is_its_own_failure(run, waits, error):
    bus, seen = Bus(["a"]), []

    def sync(batch, indices):
        if len(seen) % 3 == 1:
            seen.append(0)
            raise error("at fault")
        seen.append(len(indices))

    async def later(batch, indices):
        await asyncio.sleep(0)
        sync(batch, indices)

    async def main():
        bus.on("a")(later if waits else sync)
        bus.attach(Repeated(batch_of(5), 30))
        await bus.run()

    run(asyncio.wait_for(main(), 60))
    assert len(seen) == 30
    assert bus.instruments.failed == [10]
    assert {str(failure) for failure in bus.failures} == {str(bus.failures[0])}
    assert bus.failures[0].kind == error.__name__
    assert accounted(bus) == 150 == bus.instruments.batch_events.total


@pytest.mark.parametrize("begun", [False, True])
def test_a_handlers_task_that_is_cancelled_from_outside_is_that_handlers_failure(run, begun):
    """The report: 50 of 100 events handled, nothing counted, nothing logged, `run` returns."""
    bus, seen, healthy = Bus(["a"]), [], []
    before = set()

    async def handle(batch, indices):
        number_of = int(batch["sequence"][0])
        if number_of == 50 and begun:
            task = asyncio.current_task()
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        seen.append(number_of)

    async def beside(batch, indices):
        if int(batch["sequence"][0]) == 50 and not begun:
            # The other handler's, which has not begun; before a batch there is none.
            for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
                task.cancel()
        healthy.append(len(indices))

    async def main():
        running = asyncio.create_task(bus.run())
        for i in range(100):
            if i == 50:
                while len(healthy) < 50:
                    await asyncio.sleep(0)
                before.update(asyncio.all_tasks())
            await bus.publish(batch_of(1, i))
        bus.stop()
        await running

    # The first that is registered begins first.
    for handler in (handle, beside) if begun else (beside, handle):
        bus.on("a")(handler)
    run(asyncio.wait_for(main(), 60))
    assert len(healthy) == 100
    assert len(seen) + bus.instruments.failed[0] == 100
    assert accounted(bus) == 100 == bus.instruments.batch_events.total
    assert bus.instruments.failed == [1]
    if begun:
        assert seen == [i for i in range(100) if i != 50]
        assert bus.failures[0].kind == "CancelledError"


@pytest.mark.parametrize("waits", [False, True])
def test_run_that_is_cancelled_counts_what_was_not_handled(run, waits):
    bus, seen = Bus(["a"], depth=64), []

    async def later(batch, indices):
        if len(seen) == 10:
            await asyncio.sleep(60)
        seen.append(len(indices))

    def sync(batch, indices):
        seen.append(len(indices))
        if len(seen) == 10:
            running.cancel()

    async def main():
        nonlocal running
        bus.on("a")(later if waits else sync)
        for i in range(40):
            await bus.publish(batch_of(3, 3 * i))
        running = asyncio.create_task(bus.run())
        while len(seen) < 10:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    running = None
    run(asyncio.wait_for(main(), 60))
    done = bus.instruments.batch_events.total
    assert done == sum(seen)
    assert bus.instruments.lost == 120 - done > 0
    assert bus.instruments.failed == [0]


def test_what_waits_in_a_receiver_is_counted_too(run):
    producer, consumer = Ring.pair(1024)
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    async def handle(batch, indices):
        seen.append(len(indices))
        if len(seen) == 3:
            await asyncio.sleep(60)

    async def main():
        bus.attach(ShmReceiver(consumer, 10))
        await ShmSender(producer).send(batch_of(200))
        running = asyncio.create_task(bus.run())
        while len(seen) < 3:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(asyncio.wait_for(main(), 60))
    assert (bus.instruments.batch_events.total, bus.instruments.lost) == (20, 180)
    producer.abort()


def test_a_sync_handler_that_cancels_its_task_does_not_end_the_stream(run, caplog):
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    def handle(batch, indices):
        seen.append(len(indices))
        if len(seen) % 7 == 0:
            asyncio.current_task().cancel()

    async def main():
        bus.attach(Repeated(batch_of(2), 100))
        await bus.run()

    run(asyncio.wait_for(main(), 60))
    assert seen == [2] * 100
    assert bus.instruments.interruptions == 14
    assert accounted(bus) == 200 == bus.instruments.batch_events.total
    assert len([r for r in caplog.records if "cancelled from outside" in r.message]) == 1


def test_a_reader_that_is_cancelled_amid_a_batch_loses_that_batch_and_run_says_so(run):
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    def sync(batch, indices):  # runs in the reader's task
        if int(batch["sequence"][0]) == 30:
            asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)

    @bus.on("a")
    async def handle(batch, indices):
        if int(batch["sequence"][0]) == 30:
            await asyncio.sleep(60)
        seen.append(int(batch["sequence"][0]))

    async def main():
        running = asyncio.create_task(bus.run())
        for i in range(10):
            await bus.publish(batch_of(10, 10 * i))
        bus.stop()
        with pytest.raises(EventsLost, match="10 events were lost"):
            await running

    run(asyncio.wait_for(main(), 60))
    assert seen == [i for i in range(0, 100, 10) if i != 30]
    assert (bus.instruments.lost, bus.instruments.failed) == (10, [1])
    assert bus.failures[0].kind == "CancelledError"
    assert accounted(bus) == 100


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_program_ends_the_run_and_is_counted(error):
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    def handle(batch, indices):
        seen.append(len(indices))
        if len(seen) == 3:
            raise error

    async def main():
        for i in range(10):
            await bus.publish(batch_of(5, 5 * i))
        await bus.run()

    with pytest.raises(error):
        asyncio.run(main())
    assert (bus.instruments.batch_events.total, bus.instruments.lost) == (10, 40)


@pytest.mark.parametrize("seed", range(6))
def test_a_soak_of_cancellations_accounts_for_every_event(run, seed):
    """Readers, handlers and, in the end, the run: each event in is handled or counted."""
    draw = random.Random(seed)
    bus, sent = Bus(["a"], depth=8), 0
    handled, handling, readers = {}, [], []

    @bus.on("a")
    async def handle(batch, indices):
        handling.append(asyncio.current_task())
        try:
            for _ in range(draw.randrange(3)):
                await asyncio.sleep(0)
        finally:
            handling.remove(asyncio.current_task())
        for at in batch["sequence"][indices].tolist():
            handled[at] = handled.get(at, 0) + 1

    @bus.on("a")
    def beside(batch, indices):  # runs in the reader's task
        reader = asyncio.current_task()
        if reader not in readers:
            readers.append(reader)
        if draw.random() < 0.02:
            reader.cancel()

    async def vandal():
        while True:
            await asyncio.sleep(0)
            if draw.random() < 0.1 and handling:
                handling[0].cancel()
            if draw.random() < 0.02 and readers:
                draw.choice(readers).cancel()

    async def produce(fabric, first):
        nonlocal sent
        for i in range(200):
            events = draw.randrange(1, 20)
            await fabric.send(batch_of(events, first + 100 * i))
            sent += events
        await fabric.end()

    async def main():
        nonlocal sent
        fabrics = [Loopback(4) for _ in range(2)]
        for fabric in fabrics:
            bus.attach(fabric)
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        vandalising = asyncio.create_task(vandal())
        producers = [
            asyncio.create_task(produce(fabric, 10**6 * (i + 1)))
            for i, fabric in enumerate(fabrics)
        ]
        for i in range(100):
            await bus.publish(batch_of(3, 100 * i))
            sent += 3
        outcome = None
        if seed % 2:
            running.cancel()
            for producer in producers:
                producer.cancel()
        try:
            await running
        except (EventsLost, asyncio.CancelledError) as error:
            outcome = type(error)
        vandalising.cancel()
        await asyncio.gather(vandalising, *producers, return_exceptions=True)
        return outcome

    outcome = run(asyncio.wait_for(main(), 120))
    seen = bus.instruments
    # A send that was cancelled or refused was not counted as sent, and did not come in.
    assert accounted(bus) == sent
    assert set(handled.values()) <= {1}
    assert len(handled) <= seen.batch_events.total + seen.lost
    assert outcome is (asyncio.CancelledError if seed % 2 else EventsLost)
    assert seen.interruptions > 0 and seen.failed[0] > 0
    assert bus.failures and len(bus.failures) <= 100


def test_failures_and_lost_receivers_are_bounded_and_keep_no_batch_alive(run):
    bus, alive = Bus(["a"]), []

    class BatchError(ValueError):
        pass

    @bus.on("a")
    def handle(batch, indices):
        raise BatchError("x" * 10_000, batch)

    class Lost:
        label, copies, waiting = "loopback", 0, 0

        async def receive(self):
            held = batch_of(10)
            alive.append(weakref.ref(held))
            raise ConnectionError("gone") from EndOfStream()

        def release(self): ...

        def close(self): ...

    async def main():
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        for i in range(300):
            batch = batch_of(10, 10 * i)
            alive.append(weakref.ref(batch))
            await bus.publish(batch)
            bus.attach(Lost())
            await asyncio.sleep(0)
        del batch
        while sum(bus.instruments.failed) < 300 or bus.instruments.streams_lost < 300:
            await asyncio.sleep(0)
        bus.stop()
        await running

    run(asyncio.wait_for(main(), 120))
    gc.collect()
    assert [ref for ref in alive if ref() is not None] == []
    assert (len(bus.failures), len(bus.lost)) == (100, 100)
    assert (bus.instruments.failed, bus.instruments.streams_lost) == ([300], 300)
    assert max(len(failure.message) for failure in bus.failures) <= 500
