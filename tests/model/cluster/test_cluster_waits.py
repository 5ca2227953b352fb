"""Waits, latencies, flows and credit windows of clusters, against exact results."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from aethermodel.clusters.simulation.feed_forward import start_times
from aethermodel.clusters.simulation.run import simulate
from aethermodel.model.cluster.arrival_variation import (
    dispersion_in_turn,
    exceeding_steady,
    variation_of_steady,
)
from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)
from aethermodel.model.cluster.flow import bottleneck, delivered, max_flow
from aethermodel.model.cluster.growth import capacity, growth, hot_topic, stops_paying
from aethermodel.model.cluster.incast import overflow
from aethermodel.model.cluster.inversion import exceeding, quantile
from aethermodel.model.cluster.prediction import predict
from aethermodel.model.cluster.stations import stages_of
from aethermodel.model.cluster.turn_waits import exceeding_in_turn, variation_of_turns
from aethermodel.model.cluster.waits import open_waits, poisson_wait

FAST = Links(1e18)
few = settings(max_examples=25, deadline=None)


def cluster(producers=50, consumers=1, cost=1e-5, scatter=0.0, load=0.7, links=FAST, **other):
    """A cluster whose consumers have such a load."""
    rate = load * consumers / cost / producers
    sent = Producers(producers, 1, rate)
    return Cluster(sent, Consumers(consumers, Cost(cost, scatter=scatter)), links, **other)


def test_transforms_are_inverted():
    points = np.array([0.1, 1.0, 5.0])
    assert exceeding(lambda s: 1 / (1 + s), points) == pytest.approx(np.exp(-points), abs=1e-6)
    assert quantile(lambda s: 1 / (1 + s), 0.99, 1.0) == pytest.approx(np.log(100), rel=1e-4)
    assert quantile(lambda s: 1 + 0 * s, 0.99, 0.0) == 0


@pytest.mark.parametrize("load", [0.2, 0.7, 0.94])
def test_one_consumer_of_exponential_times_is_the_m_m_1_queue(load):
    told = predict(cluster(scatter=1.0, load=load))
    mean = 1e-5 / (1 - load)
    assert told.latency.mean == pytest.approx(mean, rel=1e-6)
    for share in (0.5, 0.99):
        assert told.latency.quantile(share) == pytest.approx(-mean * np.log(1 - share), rel=1e-3)


def test_one_consumer_of_constant_times_is_the_m_d_1_queue():
    told = predict(cluster(load=0.7))
    assert told.latency.mean == pytest.approx(1e-5 * (1 + 0.7 / 0.6))
    # Erlang 1909: P(W <= t) for t = 2 service times.
    waits = [0.7 * (k - 2) for k in range(3)]
    share = 0.3 * sum(np.exp(-w) * w**k / [1, 1, 2][k] for k, w in enumerate(waits))
    assert told.latency.exceeding([3e-5])[0] == pytest.approx(1 - share, abs=2e-3)


@pytest.mark.parametrize("inputs", [1, 2, 4, 32])
def test_an_output_of_a_switch_waits_as_karol_hluchyj_and_morgan_say(inputs):
    rate = 0.6 * 1e5
    links = Links(64e5)  # 10 us a batch
    shared = Cluster(
        Producers(inputs, 1, rate), Consumers(inputs, Cost(1e-12)), links, topics=Topics(inputs)
    )
    port = next(
        waits
        for waits in open_waits(stages_of(shared), inputs * rate, inputs, in_turn=False)
        if waits.stage.name == "port"
    )
    alone = poisson_wait(port.stage, port.rate)
    assert port.mean == pytest.approx((inputs - 1) / inputs * alone)


def test_behind_a_slower_station_nothing_waits():
    # One producer, one consumer that is faster than the wire: all waits are the producer's.
    told = predict(cluster(1, 1, cost=1e-6, load=0.05, links=Links(64e6)))
    waits = {times.stage.name: times.mean.sum() for times in told.latency.times[:3]}
    assert waits["uplink"] > 0
    assert waits["port"] == waits["consumer"] == 0


@pytest.mark.parametrize(("behind", "consumers", "sent"), [(1, 8, 3.0), (4, 8, 5.0), (3, 10, 0.5)])
def test_dispersion_of_turns_is_that_of_counting(behind, consumers, sent):
    rng = np.random.default_rng(0)
    number, first = rng.poisson(sent, 200_000), rng.integers(0, consumers, 200_000)
    passed = np.concatenate([[0], np.cumsum(np.arange(500) % consumers < behind)])
    counts = passed[first + number] - passed[first]
    found = dispersion_in_turn(np.array([sent]), behind, consumers)
    assert found[0] == pytest.approx(counts.var() / counts.mean(), rel=0.02)


@pytest.mark.parametrize(("behind", "consumers", "sent"), [(1, 8, 3.3), (4, 8, 5.0), (3, 10, 0.5)])
def test_dispersion_of_steady_turns_is_that_of_counting(behind, consumers, sent):
    rng = np.random.default_rng(0)
    number = np.floor(sent + rng.random(200_000)).astype(int)  # of one that comes at a steady pace
    first = rng.integers(0, consumers, number.size)
    passed = np.concatenate([[0], np.cumsum(np.arange(500) % consumers < behind)])
    counts = passed[first + number] - passed[first]
    found = dispersion_in_turn(np.array([sent]), behind, consumers, steady=True)
    assert found[0] == pytest.approx(counts.var() / counts.mean(), rel=0.02)


@pytest.mark.parametrize(("senders", "load"), [(2, 0.54), (4, 0.44), (18, 0.9)])
def test_waits_of_steady_senders_are_those_of_counting(senders, load):
    rng = np.random.default_rng(0)
    period = senders / load
    found = []
    for _ in range(500):
        begun = np.sort(rng.random(senders)) * period
        ready = (begun + period * np.arange(6)[:, None]).ravel()
        waits = start_times(ready, np.zeros(ready.size, int), np.ones(ready.size)) - ready
        found.append(waits[3 * senders :])  # whatever the beginning left is gone
    waits, points = np.concatenate(found), np.array([0.0, 0.3, 0.9, 1.5])
    seen = (waits[:, None] > points + 1e-9).mean(axis=0)
    assert exceeding_steady(points, senders, load) == pytest.approx(seen, abs=0.03)


def test_endlessly_many_steady_senders_are_poisson_ones():
    mean, tail = variation_of_steady(0.7, 20_000)
    assert mean == pytest.approx(1, abs=0.01) and tail == pytest.approx(1, abs=0.01)
    assert variation_of_steady(0.7, 1) == (0, 0)
    assert 0.9 <= variation_of_steady(0.7, 2000, 0.1)[0] <= 1  # chance decides whose batches come
    assert variation_of_steady(0.98, 20_000, 1e-3)[0] == pytest.approx(1, abs=0.01)


TURNS = [
    # Load, square of the scatter, consumers behind, consumers, producers.
    (0.55, 0.0, 4, 20, 32),
    (0.8, 0.0, 1, 10, 5),
    (0.7, 0.09, 8, 40, 16),
    (0.93, 1.0, 1, 11, 8),
    # A queue that remembers half a round.
    (0.9, 1.0, 1, 39, 68),
]


@pytest.mark.parametrize("station", TURNS)
def test_p99_of_turns_is_that_of_simulated_turns(station):
    load, noise, behind, consumers, producers = station
    rng = np.random.default_rng(1)
    count = 500_000 * consumers // behind // producers
    end = count / (load * consumers / behind / producers)
    arrival = []
    for _ in range(producers):
        ready = np.sort(rng.uniform(0, end, rng.poisson(count)))
        arrival.append(
            ready[(rng.integers(consumers) + np.arange(ready.size)) % consumers < behind]
        )
    at = np.sort(np.concatenate(arrival))
    spent = rng.gamma(1 / noise, noise, at.size) if noise else np.ones(at.size)
    seen = start_times(at, np.zeros(at.size, dtype=np.int64), spent) - at
    waits, beyond = exceeding_in_turn(load, noise, behind, consumers, producers)
    p99 = np.interp(-0.01, -beyond, waits)
    assert p99 == pytest.approx(np.quantile(seen, 0.99), rel=0.12)
    assert np.trapezoid(beyond, waits) == pytest.approx(seen.mean(), rel=0.2)


def test_steady_turns_are_periodic_streams():
    # Every second batch of each of eight producers, as if eight sent it half as often.
    waits, beyond = exceeding_in_turn(0.8, 0.0, 1, 2, 8, steady=True)
    exact = exceeding_steady(waits, 8, 0.8)
    assert beyond[1:] == pytest.approx(exact[1:], abs=0.02)


def test_turns_of_one_batch_among_many_producers_are_poisson():
    mean, tail = variation_of_turns(0.6, 0.0, 1, 1000, 2000)
    assert mean == pytest.approx(1, abs=0.05) and tail == pytest.approx(1, abs=0.05)


def test_times_that_scatter_make_batches_of_one_wire_meet_again():
    # One producer whose link spaces its batches further apart than their handling takes.
    one = cluster(1, 1, cost=1e-5, scatter=1.0, load=0.4, links=Links(64 / 1.1e-5))
    told, seen = predict(one), simulate(one, 20.0)
    assert told.latency.quantile(0.99) == pytest.approx(seen.quantile(0.99), rel=0.08)


clusters = st.builds(
    lambda p, c, per, ports, over, skew, slow, rate: Cluster(
        Producers(p, 100, rate, per_host=per),
        Consumers(c, Cost(1e-5), per, slow=min(slow, c), slowness=2.0),
        Links(1e9),
        Switches(ports, over),
        Topics(7, skew),
    ),
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 3),
    st.none() | st.integers(1, 4), st.floats(1, 8), st.floats(0, 2), st.integers(0, 2),
    st.floats(1e3, 1e8),
)  # fmt: skip


@few
@given(clusters)
def test_the_bound_is_the_maximum_flow(drawn):
    stages = stages_of(drawn)
    # Every station is an edge from its own in to its own out; the spine joins both sides.
    edges, nodes = {}, {"source": 0, "sink": 1, "spine": 2}

    def edge(start, end, rate):
        at = nodes.setdefault(start, len(nodes)), nodes.setdefault(end, len(nodes))
        edges[at] = int(min(rate, 2e7) * 100)

    for side in ("producers", "consumers"):
        own = [stage for stage in stages if stage.side == side]
        for end in range(own[0].ends.size):
            before = ("source" if side == "producers" else "spine", 0)
            before = before[0]
            for stage in own:
                station = (stage.name, int(stage.station[end]))
                edge(before, (*station, "in"), 1e9)
                edge((*station, "in"), (*station, "out"), 1 / stage.seconds[stage.station[end]])
                before = (*station, "out")
            if side == "producers":
                edge(before, "spine", 1e9)
            else:
                edge(before, "sink", 1e9)
    # What a producer offers limits its own way in, which it may share with others of its host.
    if drawn.producers.per_host == 1:
        for end in range(drawn.producers.count):
            edge("source", ("uplink", end, "in"), drawn.producers.rate / drawn.producers.batch)
    else:
        drawn = replace(drawn, producers=replace(drawn.producers, rate=1e9))
    rows, columns = zip(*edges, strict=True)
    graph = csr_array(
        (np.array(list(edges.values()), dtype=np.int32), (rows, columns)),
        shape=(len(nodes), len(nodes)),
    )
    flow = maximum_flow(graph, 0, 1).flow_value / 100
    assert max_flow(drawn, stages) == pytest.approx(flow, rel=1e-3, abs=0.5)


@few
@given(clusters)
def test_what_is_delivered_is_never_more_than_offered_or_than_the_bound(drawn):
    stages = stages_of(drawn)
    rate = delivered(stages, drawn.offered)
    assert rate <= min(drawn.offered, max_flow(drawn, stages)) * (1 + 1e-9)
    if drawn.offered <= bottleneck(stages).batches_per_second:
        assert rate == pytest.approx(drawn.offered)


def test_an_overloaded_consumer_delivers_its_own_rate_and_leaves_the_others_theirs():
    # Shares 2/3 and 1/3 of twice what one consumer handles.
    uneven = cluster(4, 2, load=1.0, topics=Topics(2, 1.0))
    assert delivered(stages_of(uneven), 2e5) == pytest.approx(1e5 + 2e5 / 3)
    assert predict(uneven).untold == "queues grow without end"


@pytest.mark.parametrize(("credits", "batches"), [(1, 1), (2, 2), (100, 4)])
def test_credits_carry_a_window_each_round_trip_up_to_the_bottleneck(credits, batches):
    # 10 us at the consumer, 15 us there and back: four batches fill the round trip.
    greedy = Cluster(
        Producers(1, 1), Consumers(1, Cost(1e-5)), Links(1e18, 15e-6), credits=credits,
        topics=Topics(1, 0, "round-robin"),
    )  # fmt: skip
    told = predict(greedy)
    assert told.batches_per_second == pytest.approx(min(batches / 40e-6, 1e5), rel=1e-4)
    assert told.window.asymptote == pytest.approx(told.batches_per_second, rel=1e-4)


def test_producers_behind_a_full_trunk_leave_the_others_theirs():
    # Two leaves of producers, one full: each of the last leaf's sends more.
    greedy = Cluster(
        Producers(5, 1000), Consumers(40, Cost(1e-6)), Links(1e9), Switches(4, 8.0), credits=64
    )
    rates = predict(greedy).window.by_producer
    assert rates[4] > 1.5 * rates[0]


def test_more_consumers_pay_until_the_hottest_topic_alone_fills_one():
    skewed = cluster(8, 4, load=0.5, topics=Topics(100, 1.0))
    steps = list(growth(skewed, [1, 2, 4, 8, 16, 32, 64]))
    top = skewed.topics.popularity()[0]
    assert steps[-1].events_per_second == pytest.approx(1e5 / top, rel=0.1)
    assert stops_paying(steps).consumers == 16
    assert {step.binds for step in steps} == {"consumer"}


def test_a_hot_topic_costs_what_its_consumer_cannot_take():
    hot = hot_topic(cluster(8, 4, topics=Topics(4, 1.0)))
    assert hot.share == pytest.approx(12 / 25)
    assert hot.lost == pytest.approx(1 - 25 / 48)
    assert capacity(cluster(8, 4)) == pytest.approx(1e5)


def test_a_port_overflows_only_where_more_than_its_buffer_can_meet():
    links = Links(64e5)

    def share(buffer, credits=None):
        crowded = cluster(
            20, 1, cost=1e-7, load=0.007, links=links, switches=Switches(buffer_bytes=buffer)
        )
        return overflow(predict(replace(crowded, credits=credits)))

    assert share(20 * 64, credits=1) == 0
    assert share(5 * 64) > share(10 * 64) > share(40 * 64) >= 0
    assert np.isnan(share(None))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"producers": Producers(2, 100)}, "need credits"),
        ({"consumers": Consumers(2, Cost(1e-6), slow=3)}, "3 slow consumers of 2"),
        ({"consumers": Consumers(2, Cost())}, "takes no time"),
    ],
)
def test_clusters_that_make_no_sense_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(cluster(2, 2), **change)
