"""Few batches at a station of their own producers, and in turn, beside exact results and runs."""

import heapq

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)
from aethermodel.model.cluster.credits.finite_source import finite_source_wait
from aethermodel.model.cluster.prediction import predict
from aethermodel.model.cluster.stations import Stage

TURNS = Topics(routing="round-robin")
# A batch takes 204.8 us on a link.
LINKS, BATCH = Links(25e9 / 8, 3e-6), 10_000


def station(scatter):
    """One station of one producer, of which a service takes a second."""
    return Stage("uplink", "producers", np.array([0]), np.ones(1), np.ones(1), np.ones(1), scatter)


def wait(scatter, load, batches, jitter):
    return float(finite_source_wait(station(scatter), np.array([load]), batches, jitter)[0])


@given(st.integers(1, 40), st.floats(0.05, 50.0))
def test_exponential_times_by_chance_are_mean_value_analysis(batches, away):
    waited = queued = 0.0
    for number in range(1, batches + 1):
        waited = queued
        load = number / (away + 1 + waited)
        queued = load * (1 + waited)
    assume(load < 0.98)  # beyond, the load hardly tells the wait
    assert wait(1.0, load, batches, None) == pytest.approx(waited, rel=0.02, abs=0.01 * batches)


def simulated(batches, away, deviation, trips):
    """Mean wait of batches that are elsewhere for a gamma time, and the load that they make."""
    rng = np.random.default_rng(1)
    times = iter(rng.gamma((away / deviation) ** 2, deviation**2 / away, trips))
    back, free, waited = list(rng.random(batches) * (away + batches)), 0.0, 0.0
    heapq.heapify(back)
    for elsewhere in times:
        came = heapq.heappop(back)
        begun = max(came, free)
        waited, free = waited + begun - came, begun + 1
        heapq.heappush(back, free + elsewhere)
    return waited / trips, trips / free


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 24), st.floats(0.4, 0.9), st.floats(0.2, 3.0))
def test_batches_that_keep_their_distance_come_back_as_fast_as_simulated(batches, part, deviation):
    away = batches / part - 1
    waited, load = simulated(batches, away, min(deviation, away), 40_000)
    told = wait(0.0, load, batches, min(deviation, away) ** 2)
    # As a share of a trip; of batches by chance it is up to 0.09.
    assert told == pytest.approx(waited, abs=0.03 * batches / load)


@pytest.mark.parametrize(
    ("own", "credits", "latency", "carried"),
    # Batches a second, simulated; by the Poisson wait of all but one batch 7 % less.
    [(2, 3, 0.28e-3, 190_130), (1, 6, 0.28e-3, 379_800), (2, 3, 0.34e-3, 182_840)],
)
def test_few_credits_on_a_link_that_is_nearly_full(own, credits, latency, carried):
    cluster = Cluster(
        Producers(80, BATCH, cost=Cost(0.1e-3, scatter=0.2), per_host=own),
        Consumers(140 // own, Cost(0.08e-3)), Links(25e9 / 8, latency),
        topics=Topics(1400), credits=credits,
    )  # fmt: skip
    assert predict(cluster).batches_per_second == pytest.approx(carried, rel=0.025)


def test_several_credits_in_turn_overtake_a_late_one():
    # Simulated: 276,800; with one credit's trips it would be 4 % less.
    cluster = Cluster(
        Producers(150, BATCH, cost=Cost(0.05e-3, scatter=0.2)),
        Consumers(260, Cost(0.7e-3, scatter=1.0)), LINKS, topics=TURNS, credits=4,
    )  # fmt: skip
    assert predict(cluster).batches_per_second == pytest.approx(276_800, rel=0.01)


@pytest.mark.parametrize(("producers", "consumers"), [(300, 140), (90, 60), (40, 120)])
def test_one_credit_in_turn_at_exponential_consumers_is_product_form(producers, consumers):
    handling, latency = 50e-6, 30e-6
    cluster = Cluster(
        Producers(producers, 1), Consumers(consumers, Cost(handling, scatter=1.0)),
        Links(1e18, latency), topics=TURNS, credits=1,
    )  # fmt: skip
    queued = rate = 0.0
    for number in range(1, producers + 1):  # exact mean value analysis
        spent = handling * (1 + queued)
        rate = number / (2 * latency + spent)
        queued = rate * spent / consumers
    assert predict(cluster).batches_per_second == pytest.approx(rate, rel=0.01)


def test_batches_in_step_wait_for_what_scatters_not_for_what_is_left_of_a_service():
    # Simulated: 0.103 ms; half a service left makes 0.16 ms of it.
    cluster = Cluster(
        Producers(40, 100, cost=Cost(20e-6, scatter=0.2)), Consumers(60, Cost(90e-6), 2),
        Links(25e9 / 8, 5e-6), topics=TURNS, credits=1,
    )  # fmt: skip
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(0.103e-3, rel=0.08)


def test_full_links_in_turn_vary_by_their_own_making_and_handling():
    # Simulated: 4.75 ms; as if batches met others at each port by chance it would be 5.9 ms.
    cluster = Cluster(
        Producers(120, BATCH, cost=Cost(0.5e-3, scatter=0.2), per_host=4),
        Consumers(240, Cost(0.05e-3, scatter=0.3), 4), LINKS, topics=TURNS, credits=6,
    )  # fmt: skip
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(4.75e-3, rel=0.05)


def test_a_lone_producer_before_a_link_that_is_nearly_as_slow():
    # Simulated: 2.46 and 2.56 ms; as two full stations that share the credits 8.4 ms.
    cluster = Cluster(
        Producers(1, BATCH, cost=Cost(0.2065e-3, scatter=0.2)),
        Consumers(2, Cost(0.1e-3, scatter=0.3)), LINKS, topics=TURNS, credits=20,
    )  # fmt: skip
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(2.51e-3, rel=0.08)


def test_producers_that_share_a_busy_link_one_credit_each_meet_only_each_other():
    # Simulated: 0.746 ms; of endlessly many that come by chance 0.89 ms.
    cluster = Cluster(
        Producers(200, BATCH, cost=Cost(1.2e-3, scatter=0.2), per_host=4),
        Consumers(300, Cost(0.15e-3), 2), Links(25e9 / 8, 14e-6),
        topics=Topics(1500), credits=1,
    )  # fmt: skip
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(0.746e-3, rel=0.1)


def test_one_credit_in_turn_is_not_told_where_who_shares_a_port_decides():
    # Five runs: 10,420 to 12,110, as producers began their turns in the same row or not.
    cluster = Cluster(
        Producers(4, BATCH, cost=Cost(0.04e-3, scatter=0.2)),
        Consumers(16, Cost(0.02e-3, scatter=0.3), 4), Links(25e9 / 8, 18e-6),
        topics=TURNS, credits=1,
    )  # fmt: skip
    told = predict(cluster)
    assert told.latency is None and not told.throughput_told


@pytest.mark.parametrize(
    ("producers", "consumers", "switches", "credits", "p99"),
    # Simulated. A full trunk holds 30 credits of 32 producers, a full link three of four.
    [
        (
            Producers(96, BATCH, cost=Cost(0.1e-3, scatter=0.2)),
            400, Switches(32, 2.0), 30, 12.23e-3,
        ),
        (
            Producers(64, BATCH, cost=Cost(0.15e-3, scatter=0.2), per_host=4),
            60, Switches(), 3, 2.365e-3,
        ),
    ],
)  # fmt: skip
def test_all_credits_at_full_trunks_and_links_in_turn_take_as_long(
    producers, consumers, switches, credits, p99
):
    cluster = Cluster(
        producers, Consumers(consumers, Cost(0.03e-3)), LINKS, switches, TURNS, credits=credits
    )
    assert predict(cluster).latency.quantile(0.99) == pytest.approx(p99, rel=0.05)


def test_two_credits_in_turn_are_not_told_where_their_throughput_is_not():
    # Simulated: 6.56 million batches a second and 0.107 ms.
    cluster = Cluster(
        Producers(370, 100, cost=Cost(43.5e-6, scatter=0.2)),
        Consumers(480, Cost(38.7e-6, scatter=0.3), 2), Links(10e9 / 8, 7.7e-6),
        topics=TURNS, credits=2,
    )  # fmt: skip
    told = predict(cluster)
    assert not told.throughput_told
    assert told.latency is None and told.untold == "producers that take turns fall into step"
