"""Adaptive batching on a clock of its own: bounds, hysteresis, steps; and what a batcher sends."""

import asyncio
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bench.latency.rule_simulation import serve_by
from aethermodel.bus import AdaptiveSize, Backlogged, Batcher, Bus, FixedSize, Ladder
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.model.queueing.arrivals import Bursty, Periodic, Poisson
from cython_core import Ring, first_gap, number

TARGET = 1e-3
FIXED, SLOPE, MOST = 5e-6, 10e-9, 65_536


def law(n):
    return FIXED + SLOPE * n


LADDER = Ladder.of(law, TARGET, MOST)
TOP = LADDER.sizes[-1]
CAPACITY = TOP / law(TOP)
TABLE = np.array([law(n) for n in range(1, MOST + 1)])


def fed(rate, seconds, seed=0, sizer=None, start=0.0):
    """Feed 20,000 Poisson groups a second to a sizer; returns it and the sizes it chose."""
    sizer, group = sizer or AdaptiveSize(LADDER), round(rate / 20_000)
    times = start + Poisson(rate / group).times(
        int(rate / group * seconds), np.random.default_rng(seed)
    )
    chosen = []
    for now in times.tolist():
        sizer.arrived(group, now)
        chosen.append(sizer.size)
    return sizer, chosen


laws = st.tuples(st.floats(1e-7, 1e-4), st.floats(0, 1e-7), st.floats(1e-3, 0.1))


@given(laws, st.integers(1, 2**20), st.floats(0.1, 1), st.floats(0, 0.9), st.integers(0, 4))
def test_no_size_is_kept_for_which_the_target_has_no_time(given_law, most, used, hysteresis, ahead):
    fixed, slope, target = given_law
    options = {"utilisation": used, "hysteresis": hysteresis, "ahead": ahead}
    ladder = Ladder.of(lambda n: fixed + slope * n, target, most, **options)
    assert ladder.sizes[0] == 1
    assert ladder.sizes[-1] <= most
    parts = (ladder.sizes, ladder.seconds, ladder.up, ladder.down, ladder.hold_seconds)
    for rung, (size, seconds, up, down, hold) in enumerate(zip(*parts, strict=True)):
        # As long as it takes to fill at the lowest rate at which it is kept.
        assert (size / down if rung else 0) <= hold * (1 + 1e-9) <= target
        assert up == pytest.approx(used * size / seconds)
        assert ladder.recommended(up) == size  # the smallest that carries it
        if rung:
            assert down == pytest.approx((1 - hysteresis) * ladder.up[rung - 1])
            assert size / down + (ahead + 1) * seconds <= target
            assert ladder.sizes[rung - 1] < size


def test_a_size_that_carries_less_by_a_tenth_is_left_out():
    def kneed(n):
        return law(n) + max(0, n - 2000) * 30e-9

    ladder = Ladder.of(kneed, TARGET, MOST)
    rates = [size / kneed(size) for size in ladder.sizes]
    assert min(rate / max(rates[: at + 1]) for at, rate in enumerate(rates)) >= 0.9
    assert ladder.up == tuple(sorted(ladder.up))
    assert TOP > 8000
    assert ladder.sizes[-1] <= 3000  # beyond the knee an event costs four times as much


def flat(n):
    """By which 2,000 events carry as much as any more."""
    return 5e-6 + 10e-9 * min(n, 2000) + 12.5e-9 * max(0, n - 2000)


def test_of_sizes_that_carry_as_much_the_first_is_waited_for_and_a_backlog_goes_in_more_and_more():
    ladder = Ladder.of(flat, TARGET, MOST)
    assert ladder.sizes[-1] > 8000
    assert 1500 < ladder.recommended(0.99 * ladder.up[-1]) < 3000
    sizer, taken = AdaptiveSize(ladder), []
    for _ in range(200):
        taken.append(sizer.take(10**6, 0.0))
        sizer.served(taken[-1], flat(taken[-1]) + 10e-6)
    assert taken[0] < 3000
    assert sizer.backlog_size == ladder.sizes[-1]


def test_a_backlog_goes_in_smaller_batches_where_the_large_ones_turn_out_slower():
    sizer = AdaptiveSize(Ladder.of(flat, TARGET, MOST))
    for _ in range(100):
        size = sizer.take(10**6, 0.0)
        sizer.served(size, flat(size) * (1.3 if size > 5000 else 1.0))
    assert sizer.backlog_size < 5000


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.8])
def test_a_steady_rate_with_jitter_does_not_make_the_size_flap(share):
    """Ten loads about each share, each long enough to flap hundreds of times."""
    for load in share * np.linspace(0.9, 1.1, 10):
        sizer, _ = fed(load * CAPACITY, 0.4)
        settled = sizer.changes
        sizer, chosen = fed(load * CAPACITY, 0.5, seed=1, sizer=sizer, start=1.0)
        # The pause before the second half lets the rate fall; climbing back is no flapping.
        steady = chosen[len(chosen) // 2 :]
        assert np.count_nonzero(np.diff(steady)) <= 1
        assert sizer.changes <= 2 * settled + 4
        assert sizer.rate == pytest.approx(load * CAPACITY, rel=0.25)
        wanted = LADDER.sizes.index(LADDER.recommended(load * CAPACITY))
        assert abs(LADDER.sizes.index(sizer.size) - wanted) <= 1


def test_without_hysteresis_the_same_jitter_does_make_it_flap():
    """What the test above would find."""
    bare = Ladder.of(law, TARGET, MOST, hysteresis=0)
    rate = bare.up[len(bare.up) // 2]  # just where two sizes meet
    flapping, _ = fed(rate, 1, sizer=AdaptiveSize(bare))
    kept, _ = fed(LADDER.up[len(bare.up) // 2], 1)
    assert flapping.changes > 4 * kept.changes


def test_the_size_grows_with_the_load_and_shrinks_when_idle():
    sizes = [fed(share * CAPACITY, 0.3)[0].size for share in (0.001, 0.05, 0.2, 0.5, 0.8)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert sizes[-1] == TOP


def test_a_step_up_and_down_is_followed_in_a_few_smoothing_times():
    sizer, _ = fed(0.05 * CAPACITY, 0.2)
    small, tau = sizer.size, 20 * TARGET
    fed(0.8 * CAPACITY, 3 * tau, sizer=sizer, start=0.3)
    assert sizer.size == TOP
    fed(0.05 * CAPACITY, 6 * tau, sizer=sizer, start=0.3 + 3.1 * tau)
    assert abs(LADDER.sizes.index(sizer.size) - LADDER.sizes.index(small)) <= 1
    sizer.arrived(1, 100.0)  # and a long silence is one step
    assert sizer.size == 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1e-2)), max_size=60),
    st.integers(0, 100_000),
    st.floats(0, 1e-2),
)
def test_what_is_taken_is_within_bounds_whatever_came(arrivals, waiting, waited):
    sizer, now = AdaptiveSize(LADDER), 0.0
    for events, gap in arrivals:
        now += gap
        sizer.arrived(events, now)
        assert sizer.size in LADDER.sizes
    taken = sizer.take(waiting, waited)
    assert sizer.backlog_size in LADDER.sizes
    assert taken in (0, min(waiting, sizer.backlog_size))
    if waiting and (waiting >= sizer.size or waited >= sizer.hold_seconds):
        assert taken


@pytest.mark.parametrize("arrivals", [Poisson, Periodic, lambda rate: Bursty(rate, 0.5, 1e-4)])
def test_the_target_holds_at_every_load_which_no_fixed_size_does(arrivals):
    """On a host that never pauses; in groups of 64 events."""
    table = np.array([law(64 * n) for n in range(1, 1025)])
    ladder = Ladder.of(lambda n: law(64 * n), TARGET, 1024)
    held = {size: [] for size in ("adaptive", 1, 8, 32, 1024)}
    for share in (0.01, 0.2, 0.5, 0.8):
        times = arrivals(share * 1024 / law(64 * 1024)).times(10_000, np.random.default_rng(0))
        for size, found in held.items():
            rule = AdaptiveSize(ladder) if size == "adaptive" else FixedSize(size)
            latencies, sizes = serve_by(times, rule, table)
            assert sizes.sum() == 10_000
            found.append(np.percentile(latencies[1000:-1024], 99) <= TARGET)
    assert all(held.pop("adaptive"))
    assert not any(all(found) for found in held.values())


def dearer_beyond(n, size=3000, factor=1.4):
    """What a host may really take: beyond the caches more than the law says."""
    return law(n) * (factor if n > size else 1.0)


def rate_of(rule, seconds, groups=6000, group=256):
    """Events a second when all wait from the start, in groups of 256."""
    table = np.array([seconds(group * n) for n in range(1, rule.most + 1)])
    latencies, sizes = serve_by(np.zeros(groups), rule, table)
    return groups * group / latencies.max(), group * sizes


def test_a_backlog_is_served_in_the_size_that_is_fastest_in_fact_though_the_law_says_another():
    ladder = Ladder.of(lambda n: law(256 * n), TARGET, 256)
    best = max(rate_of(FixedSize(n), dearer_beyond)[0] for n in (1, 8, 11, 16, 64, 256))
    told, deaf = AdaptiveSize(ladder), AdaptiveSize(ladder)
    deaf.served = lambda events, seconds: None
    rate, sizes = rate_of(told, dearer_beyond)
    assert rate >= 0.85 * best  # from the start, when nothing is known
    assert np.median(sizes[-40:-1]) <= 3000  # a larger one is tried now and then, and left at once
    assert rate_of(deaf, dearer_beyond)[0] < 0.8 * best


def test_where_the_law_is_right_the_smallest_size_near_the_best_serves_a_backlog():
    sizer = AdaptiveSize(LADDER)
    start = sizer.backlog_size  # and more than it only where that carries no less
    rates = [size / law(size) for size in LADDER.sizes]
    assert start == next(
        size for size, rate in zip(LADDER.sizes, rates, strict=True) if rate >= 0.95 * max(rates)
    )
    for factor in (1.0, 2.0, 1.0):  # a host that is slow for a while changes nothing for good
        for _ in range(400):
            sizer.served(sizer.backlog_size, factor * law(sizer.backlog_size))
            carried = sizer.backlog_size / law(sizer.backlog_size)
            assert carried >= 0.8 * max(rates)
    sizer.served(1, 1.0)  # of small batches nothing is learned
    sizer.served(TOP, 0.0)
    assert carried >= 0.9 * max(rates)


def test_one_pause_does_not_drive_a_good_size_out():
    sizer = AdaptiveSize(LADDER)
    for _ in range(100):
        sizer.served(sizer.backlog_size, law(sizer.backlog_size))
    sizer.served(sizer.backlog_size, 1.0)
    for _ in range(20):
        sizer.served(sizer.backlog_size, law(sizer.backlog_size))
    assert sizer.backlog_size / law(sizer.backlog_size) >= 0.9 * CAPACITY


def test_a_trace_in_words():
    """By hand: T(n) = 1 + n; four events, pairs, what is left at the end goes as it is."""
    latencies, sizes = serve_by([0, 1, 1, 10], FixedSize(2), [2.0, 3.0])
    assert sizes.tolist() == [2, 2]
    assert latencies.tolist() == [4, 3, 12, 3]
    held, sizes = serve_by([0, 1, 1, 10], FixedSize(2, hold_seconds=0.5), [2.0, 3.0])
    assert sizes.tolist() == [1, 2, 1]
    assert held.tolist() == pytest.approx([2.5, 4.5, 4.5, 2])


def numbered(n, first=0):
    batch = make_batch(n, 2, 0)
    number(batch, first, 0)
    return batch


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 64))
def test_a_batcher_sends_every_event_once_and_in_order(pieces, size):
    sent = []

    async def main():
        async def send(batch):
            sent.append(batch.copy())

        first = 0
        async with Batcher(send, FixedSize(size)) as batcher:
            for n in pieces:
                await batcher.put(numbered(n, first))
                first += n
        assert batcher.waiting == 0
        with pytest.raises(ValueError, match="ended"):
            await batcher.put(numbered(1))

    asyncio.run(main())
    total = sum(pieces)
    assert [len(batch) for batch in sent] == [size] * (total // size) + [total % size] * (
        total % size > 0
    )
    if sent:
        assert first_gap(np.concatenate(sent), 0) == -1


def test_over_a_ring_the_pieces_of_a_batch_go_straight_into_its_memory():
    async def main():
        producer, consumer = Ring.pair(1024)
        batcher = Batcher.over(ShmSender(producer), FixedSize(100))
        for i in range(33):
            await batcher.put(numbered(10, 10 * i))
        receiver = ShmReceiver(consumer)
        assert (batcher.waiting, receiver.waiting) == (30, 300)
        await batcher.end()
        assert first_gap(await receiver.receive(), 0) == -1
        producer.close()
        consumer.abort()
        return batcher

    batcher = asyncio.run(main())
    assert batcher.copied_bytes == 0
    assert batcher.batch_events.count == 4


def test_a_batch_that_does_not_fill_goes_when_its_oldest_event_has_waited_long_enough():
    async def main():
        bus = Bus(["a", "b"])
        seen = []
        bus.on("*")(lambda batch, indices: seen.append(len(batch)))
        running = asyncio.create_task(bus.run())
        batcher = Batcher(bus.publish, FixedSize(1000, hold_seconds=0.005))
        await batcher.put(numbered(3))
        await batcher.put(numbered(4, 3))
        assert batcher.waiting == 7
        while batcher.waiting:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        await batcher.end()
        bus.stop()
        await running
        return seen, batcher

    seen, batcher = asyncio.run(main())
    assert set(seen) == {7}
    assert batcher.copied_bytes == 7 * 64


def test_what_a_full_fabric_refused_waits_on_and_the_error_is_told():
    async def main():
        fabric = Loopback(1, "fail")
        batcher = Batcher.over(fabric, FixedSize(5))
        await batcher.put(numbered(5))
        with pytest.raises(Backlogged):
            await batcher.put(numbered(5, 5))
        assert batcher.waiting == 5
        await fabric.receive()
        await batcher.end()
        assert first_gap(await fabric.receive(), 5) == -1

    asyncio.run(main())


def test_what_the_timer_could_not_send_is_told_by_the_next_call_and_waits_on():
    async def main():
        fabric = Loopback(1, "fail")
        await fabric.send(numbered(1))
        batcher = Batcher.over(fabric, FixedSize(100, hold_seconds=0.001))
        await batcher.put(numbered(3))
        await asyncio.sleep(0.02)
        with pytest.raises(Backlogged):
            await batcher.put(numbered(4, 3))  # and is not taken
        assert batcher.waiting == 3
        with pytest.raises(Backlogged):
            await batcher.end()
        await fabric.receive()
        await batcher.end()
        assert len(await fabric.receive()) == 3

    asyncio.run(main())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ladder.of(law, 0, 10), "target is above 0"),
        (lambda: Ladder.of(law, inf, 10), "target is above 0"),
        (lambda: Ladder.of(law, TARGET, 0), "too few"),
        (lambda: Ladder.of(law, TARGET, 10, ahead=-1), "too few"),
        (lambda: Ladder.of(law, TARGET, 10, utilisation=1.5), "utilisation"),
        (lambda: Ladder.of(law, TARGET, 10, margin=0), "margin"),
        (lambda: Ladder.of(law, TARGET, 10, hysteresis=1), "hysteresis"),
        (lambda: Ladder.of(law, 1e-6, 10), "no room"),
        (lambda: Ladder.of(lambda n: 0.0, TARGET, 10), "finite time above 0"),
        (lambda: AdaptiveSize(LADDER, 0), "smoothing time"),
        (lambda: AdaptiveSize(LADDER).arrived(-1, 0.0), "cannot be"),
        (lambda: fed(1e6, 0.1)[0].arrived(1, 0.0), "cannot be"),
        (lambda: FixedSize(0), "at least 1 event"),
        (lambda: FixedSize(1, -1), "negative"),
        (lambda: serve_by([0.0], FixedSize(2), [1.0]), "times of batches"),
        (lambda: serve_by([1.0, 0.0], FixedSize(1), [1.0]), "ascend"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
