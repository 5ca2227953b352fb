"""Sampled law against the closed forms and against plain search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.model.optimal_batch_size import (
    best_rate,
    best_within,
    last_size_at,
    size_for_rate,
    size_within,
)
from aethermodel.model.sampled_law import SampledLaw

costs = st.floats(1e-7, 1e-2)
GRID = np.geomspace(1, 1e6, 4001)


@settings(max_examples=20, deadline=None)
@given(fixed=costs, each=st.floats(1e-9, 1e-5), share=st.floats(0.05, 0.95))
def test_an_affine_law_has_its_closed_form(fixed, each, share):
    law = SampledLaw.of(lambda n: fixed + each * n, GRID)
    (best,), (size,) = best_rate(law, 1e6)
    assert size == 1e6
    assert best == pytest.approx(1e6 / (fixed + each * 1e6))
    rate = share * best
    exact = max(rate * fixed / (1 - rate * each), 1)
    assert size_for_rate(law, rate)[0] == pytest.approx(exact, rel=1e-5)
    assert last_size_at(law, rate, 1e6)[0] == 1e6
    limit = fixed + each * 1e4
    assert size_within(law, limit)[0] == pytest.approx(1e4, rel=1e-4)
    assert best_within(law, limit)[0] == pytest.approx(1e4, rel=1e-4)


def test_a_law_that_gets_worse_behind_its_peak():
    law = SampledLaw.of(lambda n: 1e-6 + 1e-9 * n + 1e-14 * n * n, GRID)
    rate = 0.95 * best_rate(law, np.inf)[0]
    first, last = size_for_rate(law, rate)[0], last_size_at(law, rate, 1e6)[0]
    every = np.arange(1, 200_000)
    reached = every[every / (1e-6 + 1e-9 * every + 1e-14 * every**2) >= rate]
    assert first == pytest.approx(reached[0], abs=1)
    assert last == pytest.approx(reached[-1], abs=2)


def test_what_is_never_reached_and_what_is_always_too_long():
    law = SampledLaw(np.array([1.0, 10.0]), np.array([[1.0, 2.0], [2.0, 4.0]]))
    assert size_for_rate(law, 6.0).tolist() == [np.inf, np.inf]
    assert size_for_rate(law, 3.0)[0] < 10 < size_for_rate(law, 3.0)[1]
    assert np.isnan(size_within(law, 1.5)).tolist() == [False, True]
    assert np.isnan(last_size_at(law, 6.0, 10)).all()
    assert np.isnan(law.seconds(11)).all()
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="above zero"):
            size_for_rate(law, wrong)
        with pytest.raises(ValueError, match="above zero"):
            size_within(law, wrong)


def test_refused_tables():
    for sizes, table in (
        ([1.0], [[1.0]]),
        ([2.0, 1.0], [[1.0, 1.0]]),
        ([0.0, 1.0], [[1.0, 1.0]]),
        ([1.0, 2.0], [[1.0]]),
    ):
        with pytest.raises(ValueError, match=r"sampled law|sizes are above"):
            SampledLaw(np.array(sizes), np.array(table))
