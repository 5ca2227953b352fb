"""Pace of a consumer, as an adaptive size learns it and a batcher tells it."""

import asyncio

import numpy as np
import pytest

from aethermodel.bench.latency.rule_simulation import serve_by
from aethermodel.bus import AdaptiveSize, Batcher, FixedSize, Ladder
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.model.queueing.arrivals import Bursty, Poisson

TARGET = 1e-3


def law(n):
    return 5e-6 + 10e-9 * n


LADDER = Ladder.of(law, TARGET, 65_536)
SIZES, LAST = LADDER.sizes, len(LADDER.sizes) - 1


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


def arrivals(sizer):
    """Return what lets events arrive at a rate for a time, from where it left off."""
    now = 0.0

    def arrive(rate, seconds=0.2):
        nonlocal now
        for _ in range(int(seconds * 1e4)):
            now += 1e-4
            sizer.arrived(round(rate / 1e4), now)

    return arrive


def test_nothing_waits_under_a_load_that_no_size_carries_with_time_to_spare():
    sizer, highest = AdaptiveSize(LADDER), max(LADDER.up)
    arrive = arrivals(sizer)
    arrive(0.9 * highest)
    assert not sizer.pressed
    assert sizer.take(1, 0.0) == 0
    arrive(1.1 * highest)
    assert sizer.pressed
    assert sizer.take(1, 0.0) == 1
    assert sizer.take(10**6, 0.0) == sizer.backlog_size
    arrive(0.9 * highest)  # hysteresis: not yet
    assert sizer.pressed
    arrive(0.5 * highest)
    assert not sizer.pressed
    assert sizer.take(1, 0.0) == 0


def test_a_host_that_slows_down_is_pressed_by_the_load_that_it_carried_before():
    sizer, rate = AdaptiveSize(LADDER), 0.8 * max(LADDER.up)
    arrive = arrivals(sizer)
    arrive(rate)
    assert not sizer.pressed
    for _ in range(50):
        sizer.served(sizer.backlog_size, 1.4 * law(sizer.backlog_size))
    arrive(rate, 0.01)
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
