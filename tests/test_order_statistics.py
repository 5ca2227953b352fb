"""Intervals by ranks: exact chances, counted out in full where that is possible."""

from itertools import product

import numpy as np
import pytest

from aethermodel.order_statistics import (
    median_draws,
    median_interval,
    shifted_median_interval,
)


@pytest.mark.parametrize("n", range(2, 14))
def test_the_chance_of_a_median_is_that_of_counting_sides(n):
    """Each of n values lies below or above the median, all 2^n ways alike."""
    low, high, chance = median_interval(list(range(n)))
    held = sum(low < sum(below) <= high for below in product((0, 1), repeat=n))
    assert chance == held / 2**n
    assert (chance >= 0.95) == (n >= 6)
    if n >= 6:  # and no narrower pair of ranks would do
        inner = sum(low + 1 < sum(below) <= high - 1 for below in product((0, 1), repeat=n))
        assert inner / 2**n < 0.95


def test_one_value_is_its_own_interval_without_any_chance():
    assert median_interval([1.0]) == (1.0, 1.0, 0)


def test_no_value_has_no_interval():
    with pytest.raises(ValueError, match="at least one value"):
        median_interval([])


def test_it_covers_the_median_of_a_skewed_law_as_often_as_said():
    rng = np.random.default_rng(1)
    found = [median_interval(rng.exponential(1.0, 9)) for _ in range(4000)]
    covered = np.mean([low <= np.log(2) <= high for low, high, _ in found])
    assert covered == pytest.approx(found[0].chance, abs=0.015)


def test_what_all_repeats_share_widens_the_interval_and_no_number_of_them_narrows_it():
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 0.1, 4000)
    for count in (9, 900):
        values = rng.normal(0, 0.01, count)
        low, high = shifted_median_interval(values, shared)
        assert (low, high) == pytest.approx((-0.196, 0.196), abs=0.02)
    alone = shifted_median_interval(values, [0.0])
    assert alone == pytest.approx(median_interval(values).ends, abs=2e-4)


def test_draws_of_a_median_stay_among_the_values():
    assert set(median_draws([3.0], 10)) == {3.0}
    drawn = median_draws([1.0, 2.0, 4.0], 1000)
    assert drawn.min() == 1 and drawn.max() == 4
    with pytest.raises(ValueError, match="at least one value"):
        median_draws([], 10)
