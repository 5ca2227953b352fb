"""Spin policy: the next wait's spinning, by what the last one took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cython_core.ring.spin_policy import SPIN_NS, next_spin_ns

WAITED = st.integers(0, 2**62)


@given(st.sampled_from(["spin", "wait"]), WAITED)
def test_other_policies_learn_nothing(policy, waited):
    assert next_spin_ns(policy, SPIN_NS[policy], waited) == SPIN_NS[policy]


@given(st.lists(WAITED | st.integers(0, 300_000), min_size=1))
def test_a_short_sleep_makes_it_spin_longer_until_a_long_wait(waits):
    spin = SPIN_NS["spin-then-wait"]
    for waited in waits:
        slept, spin = waited > spin, next_spin_ns("spin-then-wait", spin, waited)
        if waited > 200_000:
            assert spin == 50_000
        elif slept:
            assert spin == 200_000
    assert spin in (50_000, 200_000)


@pytest.mark.parametrize(("waited", "then"), [(50_000, 50_000), (50_001, 200_000)])
def test_what_was_there_while_it_spun_changes_nothing(waited, then):
    assert next_spin_ns("spin-then-wait", 50_000, waited) == then
