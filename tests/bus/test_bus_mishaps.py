"""The bus where handlers, producers and signals misbehave: it goes on, and says what happened."""

import asyncio
import os
import signal

import numpy as np
import pytest

from aethermodel.bus import SIGNALS, Bus
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.measure.harness.batch_pool import make_batch


def batch(events=3):
    return make_batch(events, 1, 0)


async def drained(bus, batches):
    running = asyncio.create_task(bus.run())
    for _ in range(batches):
        await bus.publish(batch())
    bus.stop()
    await running


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_raises_a_cancellation_does_not_end_the_bus(run, waits):
    bus, calls = Bus(["a"]), []

    def sync(events, indices):
        calls.append(len(indices))
        if len(calls) == 1:
            raise asyncio.CancelledError

    async def later(events, indices):
        await asyncio.sleep(0)
        sync(events, indices)

    async def main():
        bus.on("a")(later if waits else sync)
        await drained(bus, 3)

    run(main())
    assert calls == [3, 3, 3]
    assert bus.instruments.failed == [1]
    assert bus.failures[0].kind == "CancelledError"


def test_a_tick_while_handlers_are_awaited_is_refused_and_they_go_on(run):
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    async def handle(events, indices):
        with pytest.raises(ValueError, match="a tick within a tick"):
            bus.tick(batch(1))
        await asyncio.sleep(0)
        seen.append(indices.tolist())

    run(drained(bus, 2))
    assert seen == [[0, 1, 2]] * 2
    assert not bus.failures


def test_a_bus_that_is_cancelled_cancels_its_async_handlers(run):
    bus, seen = Bus(["a"]), []
    begun = asyncio.Event()

    @bus.on("a")
    async def handle(events, indices):
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        running = asyncio.create_task(bus.run())
        await bus.publish(batch())
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())
    assert seen == ["cancelled"]
    assert bus.instruments.failed == [0]


def test_a_handler_that_would_wait_for_its_own_return_is_told(run):
    bus, published = Bus(["a"], depth=2), []

    @bus.on("a")
    async def handle(events, indices):
        if len(events) == 3:  # not for those that it publishes itself
            for i in range(5):
                await bus.publish(batch(1))
                published.append(i)

    async def main():
        running = asyncio.create_task(bus.run())
        await bus.publish(batch())
        while sum(bus.instruments.calls) < 3:
            await asyncio.sleep(0)
        bus.stop()
        await running

    run(asyncio.wait_for(main(), 120))
    assert published == [0, 1]  # what fits
    assert bus.failures[0].kind == "Backlogged"
    assert bus.instruments.handled == [3 + 2]


def test_handlers_registered_in_the_middle_of_a_tick_wait_for_the_next(run):
    bus, seen = Bus(["a"]), []

    def handle(events, indices):
        seen.append(len(indices))
        bus.on("a")(handle)  # would go on for ever in the same tick

    async def main():
        bus.on("a")(handle)
        await drained(bus, 3)

    run(main())
    assert bus.instruments.calls == [1 + 2 + 4]
    assert len(seen) == 7


class RaisesError(Exception):
    """An object that says of itself that it is columnar, and is not to be had."""

    def __len__(self):
        return 3

    def __arrow_c_array__(self, requested_schema=None):
        raise self


def columns(events=3):
    pyarrow = pytest.importorskip("pyarrow")
    topic = pyarrow.array([0] * events, pyarrow.uint32())
    return pyarrow.record_batch([topic, pyarrow.array([1.0] * events)], ["topic", "value"])


@pytest.mark.parametrize("wrong", [np.zeros(3), [1, 2, 3], RaisesError(), 7, batch(6)[::2], None])
def test_what_is_no_batch_is_refused_at_publish_and_the_inbox_goes_on(run, wrong):
    bus, seen = Bus(["a"]), []
    bus.on("a")(lambda events, indices: seen.append(len(indices)))

    async def main():
        running = asyncio.create_task(bus.run())
        for _ in range(4):
            with pytest.raises(ValueError, match="no batch of events"):
                await bus.publish(wrong)
        await bus.publish(batch())
        await bus.publish(columns())
        bus.stop()
        await running

    run(asyncio.wait_for(main(), 60))
    assert (seen, bus.instruments.refused) == ([3, 3], 0)


class Fickle:
    """Columnar at publish, and not any more when it is routed."""

    def __init__(self):
        self.asked = 0

    def __len__(self):
        return 3

    def __arrow_c_array__(self, requested_schema=None):
        self.asked += 1
        if self.asked > 1:
            raise OSError("gone")
        return columns().__arrow_c_array__()


def test_what_cannot_be_routed_any_more_is_refused_counted_and_logged_once(run, caplog):
    bus, seen = Bus(["a"]), []
    bus.on("a")(lambda events, indices: seen.append(len(indices)))

    async def main():
        running = asyncio.create_task(bus.run())
        for _ in range(4):
            await bus.publish(Fickle())
        await bus.publish(batch())
        bus.stop()
        await running

    run(asyncio.wait_for(main(), 60))
    assert (seen, bus.instruments.refused) == ([3], 12)
    assert len([r for r in caplog.records if "batch refused" in r.message]) == 1


def test_a_second_signal_ends_what_does_not_drain(run):
    bus = Bus(["a"])

    @bus.on("a")
    async def handle(events, indices):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)

    async def main():
        await bus.publish(batch())
        with pytest.raises(asyncio.CancelledError):
            await bus.run(signals=SIGNALS)
        # Nothing of the bus is left on the signals.
        loop = asyncio.get_running_loop()
        return [loop.remove_signal_handler(number) for number in SIGNALS]

    assert run(asyncio.wait_for(main(), 120)) == [False, False]


def test_a_signal_that_is_ignored_stays_so(run):
    """As SIGINT is where a shell's `&` started the program."""
    bus, seen = Bus(["a"]), []

    @bus.on("a")
    def handle(events, indices):
        seen.append(len(indices))
        os.kill(os.getpid(), signal.SIGINT if len(seen) == 1 else signal.SIGTERM)

    async def main():
        running = asyncio.create_task(bus.run(signals=SIGNALS))
        while not running.done() and len(seen) < 2:
            await bus.publish(batch())
            await asyncio.sleep(0.01)
        await running
        return signal.getsignal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run(asyncio.wait_for(main(), 120)) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(seen) >= 2


def test_a_receiver_is_attached_once_and_what_is_none_not_at_all():
    bus, receiver = Bus(["a"]), Loopback(2)
    bus.attach(receiver)
    with pytest.raises(ValueError, match="attached already"):
        bus.attach(receiver)
    with pytest.raises(AttributeError, match="copies"):
        bus.attach("shm")


def test_producers_that_come_and_go_leave_nothing_behind(run):
    bus, seen = Bus(["a"]), []
    bus.on("a")(lambda events, indices: seen.append(len(indices)))

    async def main():
        running = asyncio.create_task(bus.run())
        await asyncio.sleep(0)
        for i in range(20):
            producer = Loopback(2)
            bus.attach(producer)
            await producer.send(batch(i + 1))
            await producer.end()
            while len(seen) <= i or bus.receivers:
                await asyncio.sleep(0)
        assert not running.done()  # none was attached when it began: only `stop` ends it
        bus.stop()
        await running

    run(asyncio.wait_for(main(), 120))
    assert seen == list(range(1, 21))
