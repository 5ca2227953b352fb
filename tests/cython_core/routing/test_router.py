"""Routing against an oracle in plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import MAX_TOPICS, Routed, allocate, route
from cython_core.routing.router import route_call, switch_size, time_route


def make(topics, values):
    batch = allocate(len(topics))
    batch["topic"] = topics
    batch["value"] = values
    return batch


def oracle(topics, values, k):
    groups = [[] for _ in range(k)]
    for i, topic in enumerate(topics):
        groups[topic].append(i)
    members = [[values[i] for i in group] for group in groups]
    return {
        "indices": [i for group in groups for i in group],
        "offsets": [0, *np.cumsum([len(group) for group in groups]).tolist()],
        "count": [len(group) for group in groups],
        "total": [sum(m) for m in members],
        "minimum": [min(m, default=np.inf) for m in members],
        "maximum": [max(m, default=-np.inf) for m in members],
    }


@st.composite
def batches(draw):
    k = draw(st.integers(1, 40))
    topics = draw(st.lists(st.integers(0, k - 1), max_size=200))
    values = draw(
        st.lists(st.integers(-(2**40), 2**40), min_size=len(topics), max_size=len(topics))
    )
    return k, topics, [float(v) for v in values]


@given(batches())
def test_route_is_the_oracle(batch):
    k, topics, values = batch
    routed = route(make(topics, values), k)
    expected = oracle(topics, values, k)
    assert {name: getattr(routed, name).tolist() for name in expected} == expected
    assert len(routed) == len(topics)
    for topic in range(k):
        assert routed.select(topic).tolist() == [i for i, t in enumerate(topics) if t == topic]


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(0, 99), st.integers(0, 1000))
def test_a_topic_out_of_range_is_named(k, place, excess):
    topics = [0] * 100
    topics[place] = k + excess
    with pytest.raises(ValueError, match=f"event {place} has topic {k + excess}, topics are 0 to"):
        route(make(topics, [1.0] * 100), k)


def test_results_can_be_written_into_the_same_object_again():
    out = Routed(10, 2)
    assert route(make([0, 1, 1], [1, 2, 3]), 2, out=out) is out
    assert out.indices.tolist() == [0, 1, 2]
    route(make([1], [7]), 2, out=out)
    assert out.indices.tolist() == [0]
    assert out.total.tolist() == [0, 7]
    assert out.maximum.tolist() == [-np.inf, 7]


def test_an_empty_batch_routes_to_nothing():
    routed = route(allocate(0), 3)
    assert routed.count.tolist() == [0, 0, 0]
    assert routed.offsets.tolist() == [0, 0, 0, 0]
    assert routed.indices.tolist() == []


def test_nan_spreads_into_total_and_is_passed_over_by_minimum_and_maximum():
    routed = route(make([0, 0, 0, 1], [1.0, np.nan, -2.0, np.nan]), 2)
    assert np.isnan(routed.total).tolist() == [True, True]
    assert routed.minimum.tolist() == [-2.0, np.inf]
    assert routed.maximum.tolist() == [1.0, -np.inf]


@pytest.mark.parametrize("topics", [0, -1, MAX_TOPICS + 1])
def test_an_impossible_number_of_topics_is_refused(topics):
    with pytest.raises(ValueError, match="topics must be 1 to"):
        route(allocate(1), topics)
    with pytest.raises(ValueError, match="topics must be 1 to"):
        Routed(1, topics)


def test_an_out_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="was made for 2 topics"):
        route(allocate(1), 3, out=Routed(1, 2))
    with pytest.raises(ValueError, match="holds 1 events"):
        route(allocate(2), 2, out=Routed(1, 2))
    with pytest.raises(ValueError, match="capacity"):
        Routed(-1, 2)


@pytest.mark.parametrize("topic", [-1, 2])
def test_selecting_a_topic_that_is_not_there(topic):
    with pytest.raises(IndexError, match="is not among 0 to 1"):
        route(allocate(1), 2).select(topic)


def test_the_probe_call_checks_like_route_and_runs_no_kernel():
    out = Routed(4, 2)
    out.count[:] = 9
    assert route_call(allocate(4), 2, out=out) is out
    assert out.count.tolist() == [9, 9]
    with pytest.raises(ValueError, match="dtype"):
        route_call(np.zeros(4), 2, out=out)


def test_the_timed_kernel_does_the_work():
    out = Routed(4, 2)
    assert time_route([make([0, 1, 1, 0], [1, 2, 3, 4])], 2, 3, out=out) > 0
    assert out.total.tolist() == [5, 5]
    with pytest.raises(ValueError, match="at least one batch"):
        time_route([], 2, 1, out=out)


@pytest.mark.parametrize("k", [1, 2, 16, 64, 1024, 1025])
def test_both_ways_agree_on_either_side_of_the_switch(k):
    rng = np.random.default_rng(k)
    for n in (switch_size(k) - 1, switch_size(k), switch_size(k) + 1):
        topics, values = rng.integers(0, k, n).tolist(), rng.integers(-999, 999, n).tolist()
        routed, expected = route(make(topics, values), k), oracle(topics, values, k)
        for name, known in expected.items():
            assert getattr(routed, name).tolist() == known, name


@pytest.mark.parametrize("k", [0, -1, MAX_TOPICS + 1])
def test_the_switch_is_known_for_possible_topics_only(k):
    with pytest.raises(ValueError, match="topics"):
        switch_size(k)
