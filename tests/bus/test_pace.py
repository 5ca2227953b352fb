"""What a sizer learns of its consumer's pace, and what a batcher can tell it."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import AdaptiveSize, Batcher, FixedSize, Ladder
from aethermodel.measure.rule_trace import serve_by
from aethermodel.measure.workload import make_batch
from aethermodel.model.arrivals import Bursty, Poisson
from cython_core.pace import Pace

TARGET = 1e-3


def law(n):
    return 5e-6 + 10e-9 * n


LADDER = Ladder.of(law, TARGET, 65_536)
SIZES, LAST = LADDER.sizes, len(LADDER.sizes) - 1


def paced(seconds, batches=400, pause_every=0):
    """A pace that was told of batches in the size that it chose, some of which were paused."""
    pace = Pace(SIZES, LADDER.seconds)
    for i in range(batches):
        size = SIZES[pace.fastest]
        pause = 10 if pause_every and i % pause_every == 0 else 1
        pace.served(size, pause * seconds(size))
    return pace


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5, 3.0])
def test_a_host_of_another_speed_is_found_out_from_any_size(factor):
    for size in (1, 100, 5000, SIZES[-1]):
        pace = Pace(SIZES, LADDER.seconds)
        rung = sum(each <= size for each in SIZES) - 1
        for _ in range(100):
            pace.served(size, factor * law(size))
        assert pace.slower(rung) == pytest.approx(factor, rel=0.01)
        assert pace.carried(rung) == pytest.approx(
            SIZES[rung] / law(SIZES[rung]) / factor, rel=0.01
        )


@pytest.mark.parametrize("pause_every", [100, 10])
def test_pauses_are_not_taken_for_a_slower_host(pause_every):
    pace = paced(law, pause_every=pause_every)
    assert pace.slower(pace.fastest) == pytest.approx(1.0, abs=0.06)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, SIZES[-1]), st.floats(0, 1)), max_size=100),
)
def test_whatever_it_is_told_it_stays_finite_and_among_the_candidates(told):
    pace = Pace(SIZES, LADDER.seconds)
    for events, seconds in told:
        pace.served(events, seconds)
    rates = [pace.carried(rung) for rung in range(len(SIZES))]
    assert all(0 < rate < float("inf") for rate in rates)
    by_law = [size / law(size) for size in SIZES]
    assert by_law[pace.fastest] >= 0.8 * max(by_law)


@pytest.mark.parametrize("dearer", [1.15, 1.3, 2.0])
def test_a_size_beyond_the_caches_is_left_within_fifty_batches(dearer):
    def host(n):
        return law(n) * (dearer if n > 3000 else 1.0)

    pace = paced(host, batches=50)
    best = max(size / host(size) for size in SIZES)
    size = SIZES[pace.fastest]
    assert size / host(size) >= 0.9 * best


def test_a_smaller_size_that_carries_no_less_is_taken_at_once():
    """On this host each larger size carries a hundredth less, which the law has the other way."""
    pace = Pace(SIZES, LADDER.seconds)
    start = pace.fastest
    for _ in range(30):
        for rung in range(start - 2, len(SIZES)):
            pace.served(SIZES[rung], SIZES[rung] / (8e7 * 0.99**rung))
    assert pace.fastest <= start - 2


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_the_ladder_is_climbed_at_the_rates_that_the_host_really_carries(factor):
    """Half as slow again, a consumer needs the size that the law has for half as much again."""
    rate = LADDER.up[LAST // 2] * 0.85
    sizer = AdaptiveSize(LADDER)
    times = Poisson(rate / 50).times(int(rate / 50 * 0.3), np.random.default_rng(0))
    for now in times.tolist():
        sizer.arrived(50, now)
        sizer.served(sizer.size, factor * law(sizer.size))
    wanted = LADDER.recommended(factor * rate)
    assert abs(SIZES.index(sizer.size) - SIZES.index(wanted)) <= 1
    assert (sizer.size > LADDER.recommended(rate)) == (factor > 1)


def arrive(sizer, rate, seconds=0.2):
    start = max(sizer._last, 0.0)
    for i in range(int(seconds * 1e4)):
        sizer.arrived(round(rate / 1e4), start + (i + 1) / 1e4)


def test_nothing_waits_under_a_load_that_no_size_carries_with_time_to_spare():
    sizer, highest = AdaptiveSize(LADDER), max(LADDER.up)
    arrive(sizer, 0.9 * highest)
    assert not sizer.pressed
    assert sizer.take(1, 0.0) == 0
    arrive(sizer, 1.1 * highest)
    assert sizer.pressed
    assert sizer.take(1, 0.0) == 1
    assert sizer.take(10**6, 0.0) == sizer.backlog_size
    arrive(sizer, 0.9 * highest)  # hysteresis: not yet
    assert sizer.pressed
    arrive(sizer, 0.5 * highest)
    assert not sizer.pressed
    assert sizer.take(1, 0.0) == 0


def test_a_host_that_slows_down_is_pressed_by_the_load_that_it_carried_before():
    sizer, rate = AdaptiveSize(LADDER), 0.8 * max(LADDER.up)
    arrive(sizer, rate)
    assert not sizer.pressed
    for _ in range(50):
        sizer.served(sizer.backlog_size, 1.4 * law(sizer.backlog_size))
    arrive(sizer, rate, 0.01)
    assert sizer.pressed


@pytest.mark.parametrize(
    ("arrivals", "share"), [(Poisson, 0.35), (lambda rate: Bursty(rate, 0.5, 10 / rate), 0.6)]
)
@pytest.mark.parametrize("dearer", [1.0, 1.2, 1.4])
def test_near_saturation_the_tail_keeps_room_for_pauses_though_the_law_is_wrong(
    arrivals, share, dearer
):
    """In groups of 256, at 80 % of what the best fixed size carries; once it was found out."""
    ladder = Ladder.of(lambda n: law(256 * n), TARGET, 256)

    def host(n):
        return law(n) * (dearer if n > 3000 else 1.0)

    table = np.array([host(256 * n) for n in range(1, 257)])
    rate = 0.8 * max(n / table[n - 1] for n in (1, 8, 11, 32, 256))
    times = arrivals(rate).times(20_000, np.random.default_rng(0))
    latencies, _ = serve_by(times, AdaptiveSize(ladder), table)
    assert np.percentile(latencies[6000:-256], 99) <= share * TARGET


class Told(FixedSize):
    """Remembers what it was told of service times."""

    def __init__(self, size):
        super().__init__(size)
        self.heard = []

    def served(self, events, seconds):
        self.heard.append((events, seconds))


def sent_over(waits):
    """Send a batch of 4 for each wait, in seconds, that its send has; a second lies between."""
    now, rule = [0.0], Told(4)

    async def main():
        left = iter(waits)

        async def send(batch):
            now[0] += next(left)

        batcher = Batcher(send, rule, clock=lambda: now[0])
        for _ in waits:
            await batcher.put(make_batch(4, 2, 0))
            now[0] += 1.0

    asyncio.run(main())
    return rule.heard


def test_a_batcher_tells_how_long_the_consumer_took_where_sends_wait_for_it():
    # Two sends in a row that waited longer than the second in between: 1 s and their own wait.
    assert sent_over([0, 5, 5, 7, 0.5, 9, 9]) == [(4, 6.0), (4, 8.0), (4, 10.0)]


@pytest.mark.parametrize("waits", [[0] * 5, [0.9] * 5, [0, 5, 0, 5, 0]])
def test_where_the_producer_is_the_slower_a_batcher_has_nothing_to_tell(waits):
    assert sent_over(waits) == []


def test_a_pace_tells_when_its_choice_or_a_factor_moved_and_refuses_what_cannot_be():
    pace = Pace(SIZES, LADDER.seconds)
    size = SIZES[pace.fastest]
    assert not pace.served(size, law(size))
    assert pace.served(size, 2 * law(size))
    assert not pace.served(size, 0.0) and not pace.served(0, 1.0)
    for places in (-1, len(SIZES)):
        with pytest.raises(IndexError, match="none at place"):
            pace.slower(places)
        with pytest.raises(IndexError, match="none at place"):
            pace.carried(places)
    with pytest.raises(ValueError, match="1 times for 2 sizes"):
        Pace([1, 2], [1.0])
    with pytest.raises(ValueError, match="0 times for 0 sizes"):
        Pace([], [])


def test_a_backlogs_size_grows_step_by_step_and_steps_back_from_a_slow_one():
    def host(n):
        return law(n) * (1.5 if n > SIZES[-2] else 1.0)

    pace, seen = Pace(SIZES, LADDER.seconds), []
    for _ in range(300):
        seen.append(pace.widest)
        pace.served(SIZES[pace.widest], host(SIZES[pace.widest]))
    assert seen[0] == pace.fastest
    assert max(np.diff(seen)) == 1 and max(seen) == LAST
    assert seen.count(LAST) < 30 and pace.widest == LAST - 1
