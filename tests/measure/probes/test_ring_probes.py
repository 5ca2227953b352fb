"""Probes with an end of their own: what they take, what they hold, and what they time."""

import asyncio
from functools import partial
from time import perf_counter, thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manual_clock import ManualClock

from aethermodel.bus.fabrics.protocol import EndOfStream
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.bus_run import drain, tallied
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.local_loopback import OwnLoopback
from aethermodel.measure.harness.local_ring import OwnRing
from aethermodel.measure.harness.ring_size import ring_capacity
from aethermodel.measure.host.slices import Stream
from aethermodel.measure.probes import PROBES, bus_loop, fabric
from cython_core.ticks.tick import Tick


async def take_all(checked, seen):
    try:
        while True:
            batch = await checked.receive()
            seen += batch["sequence"].tolist()
            checked.release()
    except EndOfStream:
        pass


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([OwnRing, OwnLoopback]),
    st.integers(1, 700),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.booleans(),
)
def test_an_end_of_ones_own_goes_on_where_it_ended(end, events, runs, busy):
    """Run after run: as many batches as asked for and one more, every event once and in order."""
    source, seen, swept = end(make_batch(events, 4, seed=0)), [], []
    between = (lambda: swept.append(len(seen))) if busy else None
    for times in runs:
        asyncio.run(source.seconds(times, partial(take_all, seen=seen), between))
    batches = sum(times + 1 for times in runs)
    once = list(range(events * batches)) if end is OwnRing else batches * list(range(events))
    assert seen == once
    assert len(swept) == (batches if busy else 0)


@pytest.mark.parametrize("end", [OwnRing, OwnLoopback])
def test_what_happens_between_the_batches_is_not_timed(end, monkeypatch):
    source, clock = end(make_batch(1, 1, seed=0)), ManualClock(monkeypatch)

    async def take(checked):
        for _ in range(11):
            clock.now += 0.001
            await checked.take(1)

    seconds = asyncio.run(source.seconds(10, take, clock.lasting(0.01)))
    assert seconds == pytest.approx(10 * 0.001)


@pytest.mark.parametrize("end", [OwnRing, OwnLoopback])
def test_ticks_by_an_end_of_ones_own_are_those_of_a_bus(end):
    tally, source = Tally(), end(make_batch(5, 5, seed=0))
    assert asyncio.run(source.seconds(ring_capacity(5), partial(drain, tallied(tally, 5, 5)))) > 0
    assert tally.events == 5 * (ring_capacity(5) + 1)


@pytest.mark.parametrize("producer", [False, True])
@pytest.mark.parametrize("calls", [0, 1, 7])
def test_the_loop_of_a_bus_is_timed_with_every_number_of_handlers(producer, calls):
    chosen = bus_loop.Settings(topics=7, calls=calls, producer=producer)
    # A tenth of a microsecond a tick: more than what is left where a figure would fall below zero.
    assert max(bus_loop.prepare(chosen)(3000) for _ in range(3)) > 3000 * 1e-7


@pytest.mark.parametrize("producer", [False, True])
def test_what_others_measure_of_a_tick_is_taken_off(producer, monkeypatch):
    """Routing that takes 2 ms is in no figure of the loop's; its handlers, of 1 ms each, are."""
    clock = ManualClock(monkeypatch)
    slow = clock.lasting(0.002, bus_loop.ffi.route)
    run = clock.lasting(0.002, Tick.run)
    monkeypatch.setattr("aethermodel.bus.bus.Tick", type("SlowTick", (Tick,), {"run": run}))
    monkeypatch.setattr(bus_loop.ffi, "route", slow)
    monkeypatch.setattr(Tally, "handle", clock.lasting(0.001, Tally.handle))
    timed = bus_loop.prepare(bus_loop.Settings(topics=2, calls=2, producer=producer))
    assert timed(20) == pytest.approx(20 * 2 * 0.001)


@pytest.mark.parametrize("size", [1, 1000, fabric._HELD_BYTES // 64, 9000])
@pytest.mark.parametrize("fused", [False, True])
def test_large_batches_are_held_for_as_long_as_routing_takes(size, fused, monkeypatch):
    routed, real = [], fabric.route

    def counted(batch, *args, **kwargs):
        routed.append(len(batch))
        return real(batch, *args, **kwargs)

    monkeypatch.setattr(fabric, "route", counted)
    chosen = PROBES["fabric"].settings(batch_size=size, topics=4, fabric="shm", routed=fused)
    timed = PROBES["fabric"].prepare(chosen)
    assert isinstance(timed, Stream)
    taken = timed.slices(20)
    assert sum(each.loops for each in taken) == 20  # and each event was the next, or it had raised
    assert routed == ([size] * 20 if fused or 64 * size >= fabric._HELD_BYTES else [])


def test_tcp_holds_each_batch_as_a_tick_does_outside_the_clock(monkeypatch):
    """Taken without a pause, every packet was read by itself: its term was a sixth too dear."""
    held = []

    def working(batch, topics, out):
        start = thread_time()
        while thread_time() - start < 0.02:
            pass
        held.append(len(batch))

    monkeypatch.setattr(fabric, "route", working)
    run = fabric.prepare(
        fabric.Settings(batch_size=50, topics=4, event_loop="asyncio", fabric="tcp", checked=True)
    )
    monkeypatch.setattr(fabric, "run_up", lambda *sizes: 3)
    run(1)  # which starts the producer
    start = perf_counter()
    # What held them is outside the clock.
    assert 0 < run(5) <= perf_counter() - start - 5 * 0.02
    assert held == (3 + 1 + 5) * [50]
