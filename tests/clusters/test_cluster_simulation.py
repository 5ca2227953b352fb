"""Simulations of clusters: each against a plain loop, one against the other, and the model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.clusters.analysis import seconds_in_place
from aethermodel.clusters.simulation import feed_back, feed_forward
from aethermodel.clusters.simulation.feed_forward import start_times
from aethermodel.clusters.simulation.run import simulate
from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)
from aethermodel.model.cluster.prediction import predict

BASE = Cluster(
    Producers(16, 1000, 10e6),
    Consumers(8, Cost(2e-6, 20e-9, 0.3)),
    Links(25e9 / 8, 2e-6),
    topics=Topics(8),
)
TURNS = Topics(routing="round-robin")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 3), st.floats(0, 2)), max_size=30))
def test_queues_serve_first_come_first_served(batches):
    table = np.array(batches, dtype=float).reshape(-1, 3)
    arrival, station, spent = table[:, 0], table[:, 1], table[:, 2]
    found = start_times(arrival, station.astype(np.int64), spent)
    free, expected = {}, np.zeros(arrival.size)
    for at in np.lexsort((arrival, station)):
        expected[at] = max(arrival[at], free.get(station[at], 0.0))
        free[station[at]] = expected[at] + spent[at]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("ports", [None, 3])
@pytest.mark.parametrize("making", [0.0, 5e-6])
def test_with_credits_for_all_both_simulations_are_the_same(ports, making):
    # One consumer and no scatter: nothing is drawn but the arrivals, which come first.
    one = replace(
        BASE,
        producers=Producers(10, 1000, 4e6, cost=Cost(making), per_host=2),
        consumers=Consumers(1, Cost(2e-6, 18e-9)),
        switches=Switches(ports, 4.0),
        topics=Topics(1),
    )
    forward = feed_forward.run(one, 0.01, np.random.default_rng(1))
    back = feed_back.run(replace(one, credits=10**6), 10.0, _Arrivals(0.01, 1))
    assert np.sort(back[1]) == pytest.approx(np.sort(forward[1]))
    assert np.sort(back[0]) == pytest.approx(forward[0])


class _Arrivals:
    """A generator that draws the arrivals of a shorter time, so that all batches are handled."""

    def __init__(self, seconds, seed):
        self._rng, self._share = np.random.default_rng(seed), seconds / 10.0

    def poisson(self, mean, size):
        return self._rng.poisson(mean * self._share, size)

    def random(self, size):
        return self._rng.random(size) * self._share


def test_credits_are_never_exceeded():
    greedy = replace(BASE, producers=replace(BASE.producers, rate=None), credits=3)
    ready, handled = feed_back.run(greedy, 0.005, np.random.default_rng(2))
    # Batches in flight at any time: committed and not yet handled.
    times = np.concatenate([ready, handled])
    steps = np.repeat([1, -1], ready.size)[np.lexsort((np.repeat([1, 0], ready.size), times))]
    assert np.cumsum(steps).max() <= 3 * 16


def test_the_same_seed_gives_the_same_figures():
    first, again, other = (simulate(BASE, 0.01, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.latencies, again.latencies)
    assert not np.array_equal(first.latencies[:50], other.latencies[:50])
    assert np.isnan(simulate(BASE, 1e-6).quantile(0.5))


@pytest.mark.parametrize(
    "changed",
    [
        BASE,
        replace(BASE, topics=Topics(64, 0.5), switches=Switches(8, 2.0)),
        replace(BASE, topics=Topics(routing="round-robin")),
        replace(BASE, credits=40),
        replace(BASE, consumers=replace(BASE.consumers, slow=1, slowness=1.6)),
    ],
    ids=["key", "skew and racks", "in turn", "credits", "a slow one"],
)
def test_the_model_says_what_the_simulation_sees(changed):
    told, seen = predict(changed), simulate(changed, 0.5 if changed.credits is None else 0.1)
    assert told.batches_per_second == pytest.approx(seen.batches_per_second, rel=0.03)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.15)


@pytest.mark.parametrize("credits", [1, 4, 64])
def test_throughput_with_credits_is_that_of_the_simulation(credits):
    greedy = replace(BASE, producers=replace(BASE.producers, rate=None), credits=credits)
    told, seen = predict(greedy), simulate(greedy, 0.1)
    assert told.throughput_told
    assert told.batches_per_second == pytest.approx(seen.batches_per_second, rel=0.03)
    assert told.mean_seconds == pytest.approx(np.mean(seen.latencies), rel=0.1)


def test_batches_at_random_times_do_not_fall_into_step():
    # One credit of each producer, and links that are busy for most of a trip.
    sent = Producers(30, 1000, 20e6, event_bytes=64)
    cluster = Cluster(
        sent, Consumers(90, Cost(1e-6), per_host=2), Links(64e3 / 40e-6), topics=TURNS, credits=1
    )
    told, seen = predict(cluster), simulate(cluster, 0.5)
    assert told.batches_per_second == pytest.approx(seen.batches_per_second, rel=0.03)


@pytest.mark.parametrize("producers", [6, 40])
def test_steady_producers_that_take_turns_are_told(producers):
    making = Cost(1e-5 * producers, scatter=0.2)
    cluster = Cluster(
        Producers(producers, 1, cost=making), Consumers(10, Cost(6e-5)), Links(1e18, 1e-6),
        topics=TURNS, credits=20,
    )  # fmt: skip
    told, seen = predict(cluster), simulate(cluster, 1.0)
    assert told.batches_per_second == pytest.approx(seen.batches_per_second, rel=0.03)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.15)


def test_a_p99_that_is_not_told_is_simulated_in_its_place():
    few = replace(BASE, producers=replace(BASE.producers, count=2, rate=None), credits=2)
    told = predict(few)
    assert told.untold == "few batches are in flight"
    assert seconds_in_place(few) * told.batches_per_second == pytest.approx(400_000)
    assert seconds_in_place(BASE) is None
    endless = replace(BASE, producers=replace(BASE.producers, rate=1e9))
    assert predict(endless).grows and seconds_in_place(endless) is None


@pytest.mark.parametrize(("producers", "per_host", "together"), [(1, 1, 12), (12, 3, 1)])
def test_full_links_keep_what_credits_there_are(producers, per_host, together):
    cluster = Cluster(
        Producers(producers, 1000, cost=Cost(5e-6, scatter=0.2), per_host=per_host),
        Consumers(12, Cost(1e-6, scatter=0.3), together),
        Links(64e3 / 40e-6, 5e-6), topics=TURNS, credits=20,
    )  # fmt: skip
    told, seen = predict(cluster), simulate(cluster, 0.2)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.1)
    assert told.latency.quantile(0.5) == pytest.approx(np.median(seen.latencies), rel=0.1)


def test_producers_that_wait_for_credits_without_end_carry_what_greedy_ones_do():
    making = Cost(40e-6, 0.0, 1.0)
    offered = Cluster(
        Producers(40, 1000, 50e6), Consumers(40, making), Links(64e3 / 5e-6, 1e-6),
        topics=TURNS, credits=4,
    )  # fmt: skip
    greedy = replace(offered, producers=replace(offered.producers, rate=None))
    told, seen = predict(offered), simulate(offered, 0.3)
    assert told.grows
    assert told.batches_per_second == pytest.approx(predict(greedy).batches_per_second)
    assert told.batches_per_second == pytest.approx(seen.batches_per_second, rel=0.05)


def test_a_full_trunk_keeps_the_credits_of_its_own_producers():
    # Of three leaves two are full: credits come back to their producers at a steady pace.
    cluster = Cluster(
        Producers(80, 1000, cost=Cost(150e-6, scatter=0.2)), Consumers(160, Cost(10e-6)),
        Links(64e3 / 20e-6, 5e-6), Switches(32, 4.0), Topics(160), credits=2,
    )  # fmt: skip
    told, seen = predict(cluster), simulate(cluster, 0.5)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.15)
    assert told.latency.quantile(0.5) == pytest.approx(np.median(seen.latencies), rel=0.15)


def test_links_whose_credits_do_not_last_are_not_taken_for_full():
    # What is away for long at one consumer of scatter 1 has all credits of a link with it.
    cluster = Cluster(
        Producers(8, 1000, cost=Cost(5e-6, scatter=0.2)), Consumers(8, Cost(35e-6, scatter=1.0)),
        Links(64e3 / 40e-6, 2e-6), topics=TURNS, credits=16,
    )  # fmt: skip
    assert predict(cluster).untold == "producers that take turns fall into step"


def test_the_only_full_port_has_all_batches_but_those_away():
    # Half of all batches go to one port, which passes one each 25 us.
    cluster = Cluster(
        Producers(8, 1000, cost=Cost(40e-6, scatter=0.2), per_host=4),
        Consumers(12, Cost(10e-6, scatter=0.3), 4), Links(64e3 / 25e-6, 5e-6),
        topics=Topics(24, 1.0), credits=3,
    )  # fmt: skip
    told, seen = predict(cluster), simulate(cluster, 1.0)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.12)
