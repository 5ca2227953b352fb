"""The histogram against a sorted list."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cython_core import Histogram


@given(
    st.lists(st.integers(0, 2**55), min_size=1, max_size=200),
    st.floats(0.001, 1),
)
def test_quantiles_are_never_too_low_and_hardly_too_high(values, share):
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert exact <= histogram.quantile(share) <= exact * (1 + 1 / 64) + 1e-9
    assert histogram.count == len(values)
    assert histogram.total == sum(values)
    assert histogram.maximum == max(values)
    assert histogram.buckets()[1].sum() == len(values)


def test_the_nearest_double_may_be_too_low():
    histogram = Histogram()
    histogram.record(2**53 + 1)
    assert histogram.quantile(1) >= 2**53 + 1


def test_of_nothing_nothing_is_known():
    histogram = Histogram()
    assert math.isnan(histogram.quantile(0.5))
    assert math.isnan(histogram.mean)
    histogram.record(5)
    assert histogram.mean == histogram.quantile(1) == 5
    histogram.clear()
    assert histogram.count == 0
    assert math.isnan(histogram.quantile(0.5))


def test_bad_input():
    histogram = Histogram()
    with pytest.raises(ValueError, match="counts from 0"):
        histogram.record(-1)
    for share in (0, 1.1, -1, math.nan):
        with pytest.raises(ValueError, match="share"):
            histogram.quantile(share)
    assert histogram.count == 0
