"""Real and running time, and what pauses do to a queue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.model.queueing.arrivals import Periodic, Poisson
from aethermodel.model.queueing.batch_service import latency_under
from aethermodel.model.queueing.pauses import Clock, Pauses

lengths = st.lists(st.floats(0, 2), min_size=1, max_size=6)


@given(st.lists(st.floats(0.01, 3), min_size=6, max_size=6), lengths, st.floats(0.001, 20))
def test_running_time_stands_still_and_comes_back(between, stops, at):
    begins = np.cumsum(between)[: len(stops)]
    clock = Clock(begins, np.concatenate([[0.0], np.cumsum(stops)]))
    running = clock.running(np.array([at]))
    back = clock.real(running)[0]
    # In a pause the clock shows its beginning; else it comes back to where it was.
    paused = np.any((begins + clock.stopped[:-1] < at) & (at < begins + clock.stopped[1:]))
    assert back == pytest.approx(at) or (paused and back < at)
    times = np.linspace(0, 20, 50)
    assert (np.diff(clock.running(times)) >= -1e-12).all()
    assert (clock.running(times) <= times + 1e-12).all()


def service(n):
    return 5e-6 + 1e-8 * np.asarray(n)


def test_no_pause_changes_nothing():
    arrivals = Poisson(1e5)
    plain = latency_under(arrivals, service, 64, events=20_000, variation=lambda g, n: np.ones(n))
    paused = latency_under(arrivals, service, 64, events=20_000, pauses=Pauses(0.0, np.zeros(0)))
    assert paused.mean == pytest.approx(plain.mean)
    assert not paused.exact


def test_pauses_lengthen_the_tail_by_their_own_length():
    """At a light load an event in a pause waits for its rest: uniform up to the pause."""
    pauses = Pauses(100.0, np.array([1e-3]))
    found = latency_under(Periodic(50_000.0), service, 64, events=200_000, pauses=pauses)
    assert pauses.share == pytest.approx(0.1 / 1.1)
    assert found.percentiles["p50"] == pytest.approx(service(1), rel=0.05)
    # One in eleven events falls into a pause: the share later than half a pause is half of that.
    later = 1 - np.interp(0.5e-3, found.grid, found.cumulative)
    assert later == pytest.approx(pauses.share / 2, rel=0.1)


def test_the_stability_limit_shrinks_by_the_share_of_pauses():
    pauses = Pauses(100.0, np.array([10e-3]))
    rate = 0.9 * 64 / service(64)
    latency_under(Periodic(rate), service, 64, events=2000)
    with pytest.raises(ValueError, match="stability limit"):
        latency_under(Periodic(rate), service, 64, events=2000, pauses=pauses)


@pytest.mark.parametrize(("rate", "seconds"), [(-1.0, [1.0]), (np.nan, [1.0]), (1.0, [-1.0])])
def test_bad_pauses_are_refused(rate, seconds):
    with pytest.raises(ValueError, match="pause"):
        Pauses(rate, np.array(seconds))
