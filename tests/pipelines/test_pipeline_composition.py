"""Composition of terms: exact cases, and a plain simulation of groups that hand batches on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.pipelines.composition.composition import GroupTerms, compose

MS = 1e-3


def _composed(groups, seconds, cores=64, gil=0.0, busy=1.0):
    times = {name: np.array([value]) for name, value in seconds.items()}
    return compose(groups, times, dict.fromkeys(seconds, busy), cores, gil)


def test_stages_of_one_thread_add_up():
    groups = [GroupTerms("a", "same", 1, ("a", "b", "c"))]
    found = _composed(groups, {"a": 1.0, "b": 2.0, "c": 4.0}, cores=1)
    assert found.seconds == [7.0] and found.transit == [7.0] and found.bound == ["a"]


def test_groups_side_by_side_are_as_slow_as_the_slowest():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "process", 1, ("b", "c"))]
    found = _composed(groups, {"a": 4.0, "b": 2.0, "c": 1.0})
    assert found.seconds == [4.0] and found.transit == [7.0] and found.bound == ["a"]


def test_workers_divide_a_groups_time():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "process", 4, ("b",))]
    found = _composed(groups, {"a": 1.0, "b": 12.0})
    assert found.seconds == [3.0] and found.bound == ["b"]


def test_workers_divide_no_further_than_the_cores():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "process", 4, ("b",))]
    found = _composed(groups, {"a": 1.0, "b": 12.0}, cores=2)
    assert found.seconds == [6.5] and found.bound == ["cores"]


def test_what_waits_needs_no_core():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "process", 4, ("b",))]
    assert _composed(groups, {"a": 1.0, "b": 12.0}, cores=2, busy=0.1).seconds == [3.0]


@pytest.mark.parametrize(("gil", "seconds"), [(0.0, 4.0), (0.5, 5.5), (1.0, 7.0)])
def test_threads_that_hold_the_interpreter_do_not_overlap(gil, seconds):
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "thread", 1, ("b",))]
    found = _composed(groups, {"a": 4.0, "b": 3.0}, gil=gil)
    assert found.seconds == [seconds]
    assert found.bound == ["a" if gil == 0 else "interpreter"]


def test_threads_of_one_group_share_the_interpreter_too():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "thread", 4, ("b",))]
    assert _composed(groups, {"a": 1.0, "b": 8.0}, gil=1.0).seconds == [9.0]


def test_a_process_does_not_hold_up_threads():
    groups = [GroupTerms("a", "same", 1, ("a",)), GroupTerms("b", "process", 1, ("b",))]
    assert _composed(groups, {"a": 4.0, "b": 3.0}, gil=1.0).seconds == [4.0]


def _simulated(times, workers, batches):
    """From batch to batch at the end, of workers that take batches in turn and pass them on."""
    arrivals = [0.0] * batches
    for seconds, count in zip(times, workers, strict=True):
        free = [0.0] * count
        done = []
        for batch, came in enumerate(arrivals):
            worker = batch % count
            free[worker] = max(free[worker], came) + seconds
            done.append(free[worker])
        # A worker hands over to the next group in the order of the batches.
        arrivals = list(np.maximum.accumulate(done))
    first = batches // 2
    return (arrivals[-1] - arrivals[first]) / (batches - 1 - first)


@given(st.lists(st.tuples(st.floats(1e-6, 1.0), st.integers(1, 4)), min_size=1, max_size=5))
@settings(max_examples=60)
def test_the_composed_time_is_that_of_a_simulated_stream(groups):
    times, workers = [t for t, _ in groups], [w for _, w in groups]
    terms = [GroupTerms(f"g{i}", "process", count, (f"t{i}",)) for i, count in enumerate(workers)]
    found = _composed(terms, {f"t{i}": t for i, t in enumerate(times)}, cores=10**6)
    batches = 1 + 2 * 12 * 40  # a whole number of turns of any count of workers
    assert _simulated(times, workers, batches) == pytest.approx(float(found.seconds[0]), rel=0.02)
    assert float(found.transit[0]) == pytest.approx(sum(times))
