"""The clock and the call that does nothing."""

import time

import pytest

from cython_core import clock_cost_ns, clock_resolution_ns, noop, now_ns


def test_the_clock_is_the_systems_monotonic_one():
    before = time.monotonic_ns()
    now = now_ns()
    assert before <= now <= time.monotonic_ns()
    assert clock_resolution_ns() == round(time.get_clock_info("monotonic").resolution * 1e9)


def test_cost_of_a_reading_is_positive_and_bad_input_refused():
    assert clock_cost_ns(1000) > 0
    with pytest.raises(ValueError, match="at least 1"):
        clock_cost_ns(0)


def test_noop_returns_nothing():
    assert noop() is None
