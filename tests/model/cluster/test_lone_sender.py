"""Waits behind a lone sender, against exact and simulated queues."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from aethermodel.clusters.simulation.feed_forward import start_times
from aethermodel.model.cluster.cluster import Cluster, Consumers, Cost, Links, Producers, Topics
from aethermodel.model.cluster.lone_sender import exceeding_of_lone_sender, variation_of_lone_sender
from aethermodel.model.cluster.prediction import predict


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 0.95), st.floats(0.1, 1.0))
def test_exponential_times_behind_a_steady_sender_are_the_queue_geo_m_1(load, share):
    """Times between arrivals are a geometric number of paces: G/M/1, whose root tells all."""
    waits, beyond = exceeding_of_lone_sender(load, 1.0, share, 0.0)
    pace = share / load

    def between(s: float) -> float:
        passed = np.exp(-s * pace)
        return float(share * passed / (1 - (1 - share) * passed))

    root = brentq(lambda x: between(1 - x) - x, 0.0, 1 - 1e-7)
    exact = root * np.exp(-(1 - root) * waits)
    assert beyond == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    ("load", "noise", "share", "pace_noise"),
    [(0.54, 0.09, 0.5, 0.04), (0.4, 0.0, 0.3, 0.04), (0.7, 0.0, 0.8, 0.04), (0.7, 1.0, 1.0, 0.04)],
)
def test_waits_behind_a_lone_sender_are_those_of_counting(load, noise, share, pace_noise):
    rng = np.random.default_rng(3)
    count = 400_000
    ready = np.cumsum(rng.gamma(1 / pace_noise, pace_noise * share / load, count))
    ready = ready[rng.random(count) < share]
    spent = rng.gamma(1 / noise, noise, ready.size) if noise else np.ones(ready.size)
    seen = start_times(ready, np.zeros(ready.size, dtype=np.int64), spent) - ready
    waits, beyond = exceeding_of_lone_sender(load, noise, share, pace_noise)
    assert np.interp(-0.01, -beyond, waits) == pytest.approx(np.quantile(seen, 0.99), rel=0.05)
    assert np.trapezoid(beyond, waits) == pytest.approx(seen.mean(), rel=0.05, abs=0.003)


def test_a_steady_sender_of_all_batches_makes_none_wait_that_takes_constant_time():
    assert variation_of_lone_sender(0.98, 0.0, 1.0, 0.0) == (0.0, 0.0)


def test_a_lone_producer_that_is_never_idle_makes_few_batches_wait():
    # Simulated: 161 us. As if chance alone spread them it would be 193 us.
    cluster = Cluster(
        Producers(1, 1000, cost=Cost(52.25e-6, scatter=0.2)),
        Consumers(2, Cost(38.6e-6, scatter=0.3), slow=1, slowness=1.47),
        Links(25e9 / 8, 7.5e-6), topics=Topics(20, 0.1), credits=23,
    )  # fmt: skip
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(161e-6, rel=0.05)
