"""A slower host: its own time, and what it does to a queue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.model.queueing.arrivals import Poisson
from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.host_pace import HostPace

TABLE = 4e-6 + 1e-6 * np.arange(1, 9)
SPEEDS = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


def due(rate, seed=0, events=500):
    return Poisson(rate).times(events, np.random.default_rng(seed))


@given(SPEEDS, st.floats(1e-6, 1e-3))
def test_running_time_and_back_is_where_it_was(speeds, stretch):
    clock = HostPace(stretch, speeds).clock(50 * stretch)
    real = np.linspace(0, 60 * stretch, 200)
    running = clock.running(real)
    assert (np.diff(running) > 0).all()
    assert (running <= real + 1e-12).all()
    assert clock.real(running) == pytest.approx(real, rel=1e-6, abs=1e-9)


@given(st.floats(0.2, 1), st.integers(0, 5))
def test_a_steady_pace_is_a_longer_service(speed, seed):
    arrivals = due(0.3 * 8 / TABLE[-1], seed)
    clock = HostPace(1e-3, np.array([speed])).clock(2 * arrivals[-1] + 1)
    assert serve_by_clock(clock, arrivals, TABLE) == pytest.approx(
        serve(arrivals, TABLE / speed), rel=1e-6
    )


@given(SPEEDS, st.integers(0, 5))
def test_events_end_in_their_order_and_no_sooner_than_one_takes(speeds, seed):
    arrivals = due(0.5 * 8 / TABLE[-1], seed)
    clock = HostPace(20e-6, speeds).clock(arrivals[-1])
    latencies = serve_by_clock(clock, arrivals, TABLE)
    assert (np.diff(arrivals + latencies) >= -1e-9).all()
    assert (latencies >= TABLE[0] - 1e-9).all()


def test_standing_still_is_waited_for():
    clock = HostPace(1.0, np.array([1.0, 0.0, 1.0])).clock(3.0)
    latency = serve_by_clock(clock, np.array([1.5]), np.array([0.25]))
    assert latency == pytest.approx([0.75], abs=1e-5)


def test_the_mean_counts_standing_still():
    assert HostPace(1.0, np.array([1.0, 0.0, 0.5, 0.5])).mean == 0.5


def test_stretches_may_differ_in_length():
    pace = HostPace(np.array([1.0, 3.0]), np.array([1.0, 0.5]))
    assert pace.mean == pytest.approx(2.5 / 4)
    clock = pace.clock(8.0)
    assert clock.running(np.array([1.0, 2.0, 4.0, 5.0])) == pytest.approx([1, 1.5, 2.5, 3.5])


@pytest.mark.parametrize(
    ("stretch", "speeds"),
    [
        (0.0, [1.0]),
        (np.array([1.0, 0.0]), [1.0, 1.0]),
        (np.inf, [1.0]),
        (1.0, []),
        (1.0, [-0.1]),
        (1.0, [np.nan]),
    ],
)
def test_bad_paces_are_refused(stretch, speeds):
    with pytest.raises(ValueError, match=r"stretch|speed"):
        HostPace(stretch, np.array(speeds))
