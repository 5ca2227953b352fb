"""The interval of a median by order alone: by hand, and by its coverage."""

import numpy as np
import pytest

from aethermodel.calibrate.median_interval import median_interval


@pytest.mark.parametrize(
    ("count", "cut"), [(1, 0), (2, 0), (3, 0), (8, 0), (9, 1), (12, 2), (20, 5)]
)
def test_the_order_statistics_are_those_of_the_tables(count, cut):
    low, high = median_interval(np.random.default_rng(0).permutation(count))
    assert (low, high) == (cut, count - 1 - cut)


def test_it_covers_the_median_of_a_skewed_law():
    rng = np.random.default_rng(1)
    found = [median_interval(rng.exponential(1.0, 9)) for _ in range(4000)]
    covered = np.mean([low <= np.log(2) <= high for low, high in found])
    assert covered == pytest.approx(0.961, abs=0.015)


def test_no_value_has_no_interval():
    with pytest.raises(ValueError, match="at least one value"):
        median_interval([])
