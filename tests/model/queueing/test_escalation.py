"""Decisions in flight: Little's law, held against counting them one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.model.queueing.escalation import Escalation

positive = st.floats(0.001, 1000)


@given(positive, st.floats(0.01, 1), st.floats(0.01, 10))
def test_in_flight_is_what_counting_gives(rate, share, latency):
    """Evenly spaced arrivals, each there for as long as its latency."""
    arrivals = np.arange(0, 2000) / (rate * share)
    busy = latency * len(arrivals) / (arrivals[-1] + 1 / (rate * share))
    assert Escalation(share, latency).in_flight(rate) == pytest.approx(busy, rel=1e-6)


def test_limit_and_fallback_meet_where_all_places_are_taken():
    escalation = Escalation(share=0.001, latency_seconds=0.5, group=2)
    limit = escalation.limit_per_second(64)
    assert escalation.in_flight(limit) == pytest.approx(64)
    assert escalation.fallback_share(limit, 64) == pytest.approx(0)
    assert escalation.fallback_share(4 * limit, 64) == pytest.approx(0.75)
    assert escalation.fallback_share(limit / 2, 64) == 0


def test_nothing_escalated_needs_nothing():
    escalation = Escalation(share=0, latency_seconds=1)
    assert escalation.in_flight(1e9) == 0
    assert escalation.limit_per_second(1) == float("inf")
    assert escalation.fallback_share(1e9, 1) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Escalation(-0.1, 1), "share"),
        (lambda: Escalation(1.1, 1), "share"),
        (lambda: Escalation(0.5, 0), "latency"),
        (lambda: Escalation(0.5, float("nan")), "latency"),
        (lambda: Escalation(0.5, 1, 0.5), "at least 1 event"),
        (lambda: Escalation(0.5, 1).in_flight(-1), "rate"),
        (lambda: Escalation(0.5, 1).limit_per_second(0), "at least 1 decision"),
        (lambda: Escalation(0.5, 1).fallback_share(1, 0), "at least 1 decision"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
