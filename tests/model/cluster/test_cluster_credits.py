"""Latency of clusters with credits, against exact results."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaincc
from scipy.stats import binom

from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)
from aethermodel.model.cluster.credits.population import allowed_away, tilt
from aethermodel.model.cluster.flow import endless
from aethermodel.model.cluster.incast import overflow
from aethermodel.model.cluster.prediction import predict
from aethermodel.model.cluster.stations import stages_of

FAST = Links(1e18)


def test_one_credit_makes_a_producer_the_m_g_1_queue_of_its_trips():
    # A trip is 10 us there and back and 30 us of handling, without scatter: M/D/1.
    cluster = Cluster(
        Producers(1, 1, 0.5 / 40e-6), Consumers(1, Cost(30e-6)), Links(1e18, 5e-6), credits=1
    )
    told = predict(cluster)
    assert told.latency.mean == pytest.approx(35e-6 + 40e-6 * 0.5 / (2 * 0.5), rel=1e-3)


def test_credits_that_suffice_change_nothing():
    cluster = Cluster(
        Producers(20, 1, 3.5e4), Consumers(10, Cost(1e-5, scatter=1.0)), FAST,
        topics=Topics(10), credits=100,
    )  # fmt: skip
    told, free = predict(cluster), predict(replace(cluster, credits=None))
    assert told.latency.quantile(0.99) == pytest.approx(free.latency.quantile(0.99), rel=1e-6)


@pytest.mark.parametrize("making", [0.8e-5, 1e-5, 1.3e-5])
def test_two_exponential_servers_in_a_circle_are_the_closed_m_m_1_queue(making):
    credits, handling = 32, 1e-5
    cluster = Cluster(
        Producers(1, 1, cost=Cost(making, scatter=1.0)),
        Consumers(1, Cost(handling, scatter=1.0)),
        FAST,
        topics=Topics(1),
        credits=credits,
    )
    told = predict(cluster)
    # An arriving batch meets n of 31 others with chances in proportion to a power of the ratio.
    met = np.arange(credits)
    chance = (handling / making) ** met
    chance /= chance.sum()
    assert told.batches_per_second == pytest.approx((1 - chance[-1]) / making, rel=0.03)
    p99 = told.latency.quantile(0.99)
    slower, faster = (
        float(chance @ gammaincc(met + 1, p99 * by / handling)) for by in (0.87, 1.15)
    )
    assert faster < 0.01 < slower


def test_producers_share_what_is_away_and_none_has_more_than_its_credits():
    # Two producers of two credits: of three away, one has two and the other one.
    weights = np.exp(allowed_away(2, 2, 1, 5))
    assert weights == pytest.approx([1, 1, 1, 6 / 8, 6 / 16])
    log = np.log([0.5, 0.25, 0.25])
    share = np.exp(log + tilt(log, 1.5) * np.arange(3))
    assert share @ np.arange(3) / share.sum() == pytest.approx(1.5)


def test_p99_has_no_limit_where_more_than_one_batch_in_a_hundred_meets_an_endless_queue():
    # One topic of 500, in proportion to its rank: 15 % of the batches, or 0.3 %.
    def hot(share):
        consumers = Consumers(500, Cost(1e-5))
        topics = Topics(500, share)
        return Cluster(Producers(10, 1, 1.2e5), consumers, FAST, topics=topics)

    skewed, even = hot(1.0), hot(0.0)
    assert endless(stages_of(skewed), skewed.offered) > 0.01
    assert predict(skewed).grows
    assert endless(stages_of(even), even.offered) == 0
    assert not predict(even).grows
    one_slow = replace(even, consumers=replace(even.consumers, slow=1, slowness=60.0))
    assert 0 < endless(stages_of(one_slow), one_slow.offered) < 0.01
    told = predict(one_slow)
    assert not told.grows and told.untold


def test_producers_that_credits_hold_back_wait_without_end():
    held = Cluster(
        Producers(2, 1, 1e5), Consumers(1, Cost(1e-6), slowness=1.0), Links(1e18, 50e-6), credits=2
    )
    told = predict(held)
    assert told.grows and told.untold == "producers wait for credits without end"
    assert told.batches_per_second == pytest.approx(4 / 101e-6, rel=0.02)


def test_producers_behind_a_full_trunk_are_held_back_and_others_send_what_they_are_offered():
    # 16 hosts share a trunk that carries half of what they are offered; the other one has its own.
    link, latency, batch = 1e9, 1e-6, 15_625  # a batch takes a link 1 ms
    cluster = Cluster(
        Producers(17, batch, 0.5 * batch * 1e3), Consumers(60, Cost(0.1e-3, scatter=0.3)),
        Links(link, latency), Switches(16, 4.0), Topics(600), credits=8,
    )  # fmt: skip
    told = predict(cluster)
    assert told.batches_per_second == pytest.approx(16 * 0.25e3 + 0.5e3, rel=0.01)
    assert told.grows and told.untold == "producers wait for credits without end"


def test_a_full_trunk_of_consumers_passes_what_it_carries_whoever_sends_it():
    # Simulated: 5.14 million batches a second, where racks of 38 and of 128 producers send.
    cluster = Cluster(
        Producers(166, 152, 4732512.86, per_host=2),
        Consumers(228, Cost(1.076e-6, 3.2217e-8, 1.0), 4), Links(25e9 / 8, 2.788e-6),
        Switches(64, 4.0), Topics(2845, 0.6, "round-robin"), credits=15,
    )  # fmt: skip
    assert predict(cluster).batches_per_second == pytest.approx(5.14e6, rel=1e-3)


def test_full_links_hold_no_batches_whose_producers_are_full_as_well():
    # Simulated: P99 is 0.129 ms; all credits at a link take 1.57 ms.
    cluster = Cluster(
        Producers(464, 213, cost=Cost(44.133e-6, scatter=0.2), per_host=4),
        Consumers(382, Cost(2.6287e-6, 3.4052e-8), 2), Links(10e9 / 8, 5.484e-6),
        Switches(16, 1.0), Topics(5082, 0.1), credits=36,
    )  # fmt: skip
    told = predict(cluster)
    assert told.latency is None and told.untold == "two kinds of stations are nearly full"


def test_how_many_are_away_is_known_of_more_credits_than_are_counted_singly():
    producers, credits, step = 2, 1500, 2
    total = np.arange(1500) * step
    found = allowed_away(producers, credits, step, total.size)
    exact = np.log(binom.cdf(credits, total, 0.5) - binom.cdf(total - credits - 1, total, 0.5))
    assert (found[total <= credits] == 0).all()
    assert found == pytest.approx(exact, abs=0.15)


def test_a_buffer_of_producers_that_never_idle_is_asked_for_too():
    """Their port has the queue of a closed network, which knows no load of its own."""
    for credits in (16, 64):
        crowded = Cluster(
            Producers(8, 1, cost=Cost(1e-6, scatter=1.0)), Consumers(2, Cost(0.5e-6, scatter=1.0)),
            Links(64e6), topics=Topics(2), credits=credits,
            switches=Switches(buffer_bytes=4 * 64),
        )  # fmt: skip
        told = predict(crowded)
        assert told.latency is not None
        small, large = (
            overflow(replace(told, cluster=replace(crowded, switches=Switches(buffer_bytes=size))))
            for size in (4 * 64, 40 * 64)
        )
        assert 1 >= small > large >= 0
