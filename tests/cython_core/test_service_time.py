"""Service time of batches, by a law and by what was seen, and the best size from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core.service_time import Pace


def law(n):
    return 5e-6 + 10e-9 * n


SIZES = sorted({round(2 ** (k / 2)) for k in range(28)})
LAST = len(SIZES) - 1
SECONDS = [law(size) for size in SIZES]


def paced(seconds, batches=400, pause_every=0):
    """A pace that was told of batches in the size that it chose, some of which were paused."""
    pace = Pace(SIZES, SECONDS)
    for i in range(batches):
        size = SIZES[pace.fastest]
        pause = 10 if pause_every and i % pause_every == 0 else 1
        pace.served(size, pause * seconds(size))
    return pace


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5, 3.0])
def test_a_host_of_another_speed_is_found_out_from_any_size(factor):
    for size in (1, 100, 5000, SIZES[-1]):
        pace = Pace(SIZES, SECONDS)
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
    pace = Pace(SIZES, SECONDS)
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
    pace = Pace(SIZES, SECONDS)
    start = pace.fastest
    for _ in range(30):
        for rung in range(start - 2, len(SIZES)):
            pace.served(SIZES[rung], SIZES[rung] / (8e7 * 0.99**rung))
    assert pace.fastest <= start - 2


def test_a_pace_tells_when_its_choice_or_a_factor_moved_and_refuses_what_cannot_be():
    pace = Pace(SIZES, SECONDS)
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

    pace, seen = Pace(SIZES, SECONDS), []
    for _ in range(300):
        seen.append(pace.widest)
        pace.served(SIZES[pace.widest], host(SIZES[pace.widest]))
    assert seen[0] == pace.fastest
    assert max(np.diff(seen)) == 1 and max(seen) == LAST
    assert seen.count(LAST) < 30 and pace.widest == LAST - 1
