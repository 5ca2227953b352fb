"""Observations of clusters, against known queues."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aethermodel.bench.cluster.first_run import gathered_at, keeps_turns, memory_seconds
from aethermodel.bench.cluster.observation import observe
from aethermodel.bench.cluster.tally import Interval, Tally
from aethermodel.bench.cluster.trial import summary, verdict
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


def queue(load):
    """Ten producers and an M/M/1 queue of 10 us a batch."""
    return Cluster(Producers(10, 1, load * 1e4), Consumers(1, Cost(1e-5, scatter=1.0)), Links(1e18))


def test_a_p99_is_seen_as_narrowly_as_it_was_asked_for():
    seen = observe(queue(0.5), 0.3, 5e4, 2_000_000, 1)
    assert seen.settled and seen.p99.half <= 0.05
    assert seen.p99.low <= 2e-5 * np.log(100) <= seen.p99.high
    assert seen.batches_per_second.low <= 5e4 <= seen.batches_per_second.high
    assert not seen.grows


def test_a_queue_without_end_is_seen_to_grow_and_another_is_not():
    assert observe(queue(1.1), 0.2, 1e5, 200_000, 1, ask_growth=True).grows
    assert not observe(queue(0.7), 0.2, 7e4, 200_000, 1, ask_growth=True).grows


def test_a_run_shorter_than_its_queue_remembers_has_not_settled():
    told = predict(queue(0.9))
    memory = memory_seconds(told)
    assert memory == pytest.approx(2 * 2 * 1e-5 / 0.1**2)
    run = queue(0.5), 1.0, 5e4, 50_000, 1
    assert observe(*run, memory_seconds=0.125).settled
    assert not observe(*run, memory_seconds=0.15).settled  # the same run, by its length alone


def test_a_run_goes_on_only_where_the_verdict_is_open():
    asked = []

    def judged(seen):
        asked.append(seen)
        return len(asked) == 3

    few = observe(
        queue(0.5), 0.1, 5e4, 2_000_000, 1, precision_batches=1, is_answer=lambda seen: True
    )
    more = observe(queue(0.5), 0.1, 5e4, 2_000_000, 1, precision_batches=1, is_answer=judged)
    assert few.batches == pytest.approx(2500, rel=0.1)  # the second half of one run
    assert more.batches == pytest.approx(7 * 2500, rel=0.1)  # of 0.1, 0.2 and 0.4 s
    assert more is not asked[0] and not few.precise


def test_a_tally_knows_rate_and_quantile_of_many_runs():
    rng = np.random.default_rng(5)
    tally, latencies = Tally(0.01), []
    for _ in range(5):
        ends = np.sort(rng.uniform(1.0, 2.0, 20_000))
        latencies.append(rng.exponential(1e-3, ends.size))
        tally.add(latencies[-1], ends, 1.0, 2.0)
    every = np.concatenate(latencies)
    assert tally.batches == every.size
    assert tally.rate().value == pytest.approx(20_000, rel=1e-9)
    p99 = tally.quantile(0.99)
    assert p99.value == pytest.approx(np.quantile(every, 0.99), rel=0.003)
    assert p99.low < 1e-3 * np.log(100) < p99.high
    # A share above P99 of 0.01 varies by sqrt(0.01 / batches), and the P99 by that over 0.01 ms.
    assert p99.half == pytest.approx(2.576 / np.sqrt(0.01 * every.size) / np.log(100), rel=0.3)


def test_of_few_parts_the_rate_has_an_interval_and_the_p99_none():
    tally = Tally(1.0)
    ends = np.sort(np.random.default_rng(3).uniform(0, 3, 3000))
    tally.add(np.full(3000, 1e-3), ends, 0.0, 3.0)
    assert np.isinf(tally.quantile(0.99).half)
    # Batches at random times: their number varies by its root.
    assert tally.rate().half == pytest.approx(2.576 / np.sqrt(3000), rel=0.6)


def test_a_rate_is_known_before_the_latencies_have_settled():
    run = queue(0.5), 1.0, 5e4, 50_000, 1
    known = observe(*run, memory_seconds=10.0)
    assert not known.settled and known.rate_settled
    assert known.batches_per_second.half <= 0.03
    moved = observe(*run, memory_seconds=10.0, displaced_batches=5_000)
    assert moved.batches_per_second.half == pytest.approx(
        known.batches_per_second.half + 5_000 / known.batches
    )


def test_runs_that_keep_their_turns_are_compared_whole():
    seen = observe(queue(0.5), 0.1, 5e4, 100_000, 1, independent_runs=True)
    assert np.isfinite(seen.p99.half)
    assert np.isinf(observe(queue(0.5), 0.1, 5e4, 35_000, 1, independent_runs=True).p99.half)
    turns = Topics(routing="round-robin")
    many = Cluster(
        Producers(10, 1, 1e4), Consumers(300, Cost(1e-5)), Links(1e18, 1e-6), topics=turns
    )
    # (300 / 2 pi)**2 = 2,280 batches of a producer, 48 times.
    assert keeps_turns(predict(many), 10.9) and not keeps_turns(predict(many), 11.0)
    assert not keeps_turns(predict(replace(many, topics=Topics(300))), 0.1)


def test_runs_that_keep_something_are_many_before_they_are_an_answer():
    known = {"first_run_seconds": 1.0, "expected_rate": 5e4, "most_batches": 10_000_000, "seed": 1}
    assert observe(queue(0.5), **known).batches < 250_000
    # The second half of each counts.
    assert observe(queue(0.5), **known, independent_runs=True).batches > 50 * 24_500


def test_producers_that_are_as_fast_as_they_can_keep_their_turns():
    made, links = Producers(10, 1, cost=Cost(1e-4, scatter=0.2)), Links(1e18, 1e-6)
    in_turn = Cluster(
        made, Consumers(30, Cost(1e-5)), links, topics=Topics(30, routing="round-robin"), credits=9
    )
    assert keeps_turns(predict(in_turn), 1.0)
    # A run that is too short to settle has to grow.
    assert not keeps_turns(predict(in_turn), memory_seconds(predict(in_turn)))
    assert not keeps_turns(predict(replace(in_turn, topics=Topics(30))), 1.0)


def test_the_slowest_of_queues_that_are_as_busy_remembers_longest():
    # 64 links of 10 us feed one trunk of their rates' sum: both at 90 %.
    shared = Cluster(
        Producers(64, 1, 9e4),
        Consumers(640, Cost(1e-9)),
        Links(64e5),
        Switches(64, 1.0),
        Topics(640),
    )
    assert memory_seconds(predict(shared)) == pytest.approx(2 * 1e-5 / 0.1**2)


def test_nothing_gathers_where_all_that_is_offered_is_carried():
    # A port busy 99 % of the time is not full: what gathered there would take long to leave.
    cluster = Cluster(
        Producers(60, 1, 16_500.0), Consumers(4, Cost(1e-9), 4), Links(64e6, 1e-6),
        topics=Topics(400), credits=400,
    )  # fmt: skip
    told = predict(cluster)
    assert told.loads(told.bottleneck.stage).max() == pytest.approx(0.99)
    assert told.latency is not None
    assert gathered_at(told) is None
    assert memory_seconds(told) == pytest.approx(2 * 1e-6 / 0.01**2)
    endless = predict(replace(cluster, producers=replace(cluster.producers, rate=None)))
    assert gathered_at(endless) is not None


def test_a_hot_consumer_has_its_batches_from_the_beginning():
    making = Cost(1e-5, scatter=0.2)
    cluster = Cluster(
        Producers(20, 1, cost=making), Consumers(8, Cost(1e-5, scatter=0.3)), Links(1e18, 1e-6),
        topics=Topics(8, 0.2), credits=300,
    )  # fmt: skip
    told = predict(cluster)
    hot = gathered_at(told)
    assert hot.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    away = 6000 / told.batches_per_second  # Little's law: nearly all are on their way
    seen = simulate(cluster, 15 * away, 1, gathered_at=hot)
    assert seen.latencies.mean() == pytest.approx(away, rel=0.05)
    assert simulate(cluster, 15 * away, 1).latencies.mean() < 0.85 * away
    turns = replace(cluster, topics=Topics(routing="round-robin"))
    assert gathered_at(predict(turns)) is None


def test_a_run_that_is_no_whole_number_of_the_first_keeps_its_rate():
    seen = observe(queue(0.5), 1.0, 5e4, 2_000_000, 1)  # runs of 1, 2, ... seconds
    assert seen.batches_per_second.value == pytest.approx(5e4, rel=0.01)
    assert seen.batches_per_second.half <= 0.01


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ((0.1, 0.07, 0.13), "within"),
        ((0.14, 0.10, 0.18), "within"),  # narrow: its own middle tells
        ((0.16, 0.12, 0.20), "beyond"),
        ((0.1, 0.0, 0.2), "unclear"),
        ((0.3, 0.2, 0.4), "beyond"),
        ((0.0, -0.12, 0.12), "within"),
    ],
)
def test_a_verdict_is_given_where_the_simulation_can_tell(error, said):
    assert verdict(Interval(*error), 0.15) == said


def test_what_is_narrow_for_a_p99_is_not_for_a_rate():
    assert verdict(Interval(0.029, -0.02, 0.08), 0.03) == "unclear"
    assert verdict(Interval(0.029, 0.021, 0.037), 0.03) == "within"


def test_verdicts_are_counted():
    rows = pd.DataFrame(
        {
            "throughput": ["within", "beyond", "not told"],
            "throughput_error": [0.01, 0.05, 0.2],
            "p99": ["within", "not told", "unclear"],
            "p99_error": [np.nan, np.nan, 0.1],
            "grows": [True, False, False],
            "untold": ["queues grow without end", "few batches are in flight", ""],
        }
    )
    found = summary(rows)
    assert found["throughput"]["told"] == 2 and found["throughput"]["beyond"] == 1
    assert found["p99"]["told"] == 2 and found["p99"]["without_limit"] == 1
    assert found["p99"]["largest_error"] == pytest.approx(0.1)
    assert found["untold"] == {"few batches are in flight": 1}
