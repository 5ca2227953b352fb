"""Batches that are held until they are full or old enough."""

import numpy as np
import pytest

from aethermodel.model.queueing.arrivals import Periodic, Poisson
from aethermodel.model.queueing.batch_service import latency_under, serve


def test_a_batch_waits_for_the_last_or_for_the_time():
    table = np.full(3, 1.0)
    # Three fill a batch at 2; one alone goes when it has waited 5.
    found = serve(np.array([0.0, 1.0, 2.0, 10.0]), table, hold_seconds=5.0)
    assert found.tolist() == [3.0, 2.0, 1.0, 6.0]
    assert serve(np.array([0.0, 1.0, 2.0, 10.0]), table).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_server_that_is_busy_holds_nothing_longer():
    table = np.array([4.0, 4.0])
    found = serve(np.array([0.0, 1.0, 2.0]), table, hold_seconds=3.0)
    # Two at once at 1; the third waits until 5, as the server is free only then.
    assert found.tolist() == [5.0, 4.0, 7.0]


def test_by_the_clock_a_hold_adds_itself():
    at_once = latency_under(Periodic(10.0), lambda n: 0.01 + 0 * n, 100, events=2000)
    held = latency_under(
        Periodic(10.0), lambda n: 0.01 + 0 * n, 100, events=2000, hold_seconds=0.05
    )
    assert held.quantile(0.5) - at_once.quantile(0.5) == pytest.approx(0.05)


def test_a_negative_hold_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        latency_under(Poisson(1.0), lambda n: 0.1 + 0 * n, 4, hold_seconds=-1.0)
