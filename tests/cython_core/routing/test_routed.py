"""Routed batch: one block of memory behind all results, which the last view keeps."""

import gc
import itertools

import numpy as np
import pytest

from cython_core import Routed, allocate, route

RESULTS = ("offsets", "indices", "count", "total", "minimum", "maximum")


def batch(n, topics):
    events = allocate(n)
    events["topic"] = np.arange(n) % topics
    events["value"] = np.arange(n)
    return events


@pytest.mark.parametrize("topics", [1, 3, 16, 2_000])
def test_a_new_one_is_empty(topics):
    routed = Routed(5, topics)
    assert len(routed) == 0 and routed.indices.size == 0 and routed.gap == -1
    assert routed.offsets.tolist() == [0] * (topics + 1)
    assert routed.count.tolist() == [0] * topics and routed.total.tolist() == [0.0] * topics
    assert routed.minimum.tolist() == [np.inf] * topics
    assert routed.maximum.tolist() == [-np.inf] * topics


@pytest.mark.parametrize("n", [0, 1, 7, 5_000])
def test_views_outlive_the_routed_batch(n):
    routed = route(batch(n, 3), 3)
    views = {name: getattr(routed, name) for name in RESULTS}
    copies = {name: view.copy() for name, view in views.items()}
    part = routed.select(1)
    del routed
    gc.collect()
    others = [route(batch(n + 1, 2), 2) for _ in range(20)]  # would take memory given back early
    for name, view in views.items():
        np.testing.assert_array_equal(view, copies[name], err_msg=name)
    np.testing.assert_array_equal(part, np.arange(1, n, 3))
    assert len(others) == 20


def test_results_do_not_overlap():
    routed = route(batch(100, 4), 4)
    spans = sorted(
        (view.__array_interface__["data"][0], view.nbytes)
        for view in (getattr(routed, name) for name in RESULTS)
    )
    for (start, size), (following, _) in itertools.pairwise(spans):
        assert start + size <= following


def test_a_result_is_the_same_array_each_time_and_follows_the_next_routing():
    out = Routed(10, 2)
    count = out.count
    route(batch(10, 2), 2, out=out)
    assert out.count is count and count.tolist() == [5, 5]


@pytest.mark.parametrize("name", [*RESULTS, "capacity", "topics", "gap"])
def test_results_cannot_be_put_in_place_of_others(name):
    with pytest.raises(AttributeError):
        setattr(Routed(1, 1), name, np.zeros(1))


@pytest.mark.parametrize("name", RESULTS)
def test_memory_cannot_be_resized_under_the_router(name):
    routed = route(batch(10, 2), 2)
    with pytest.raises(ValueError, match="resize"):
        getattr(routed, name).resize(1_000)


def test_offsets_written_to_give_nobody_elses_memory():
    routed = route(batch(10, 2), 2)
    routed.offsets[1] = 1_000_000
    assert routed.select(0).size == 10 and routed.select(1).size == 0
