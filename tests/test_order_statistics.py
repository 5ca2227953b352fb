"""Intervals by ranks: exact chances, counted out in full where that is possible."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.order_statistics import median_interval, ratio_interval


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


@pytest.mark.parametrize(("m", "n"), [(2, 8), (3, 5), (4, 4), (4, 6), (5, 5)])
def test_equal_sides_seem_different_as_often_as_said(m, n):
    """All orders of m + n values of one distribution: in how many the interval misses 1."""
    missed = 0
    for places in combinations(range(m + n), m):
        a = [math.exp(place) for place in places]
        b = [math.exp(place) for place in range(m + n) if place not in places]
        _, (low, high, chance) = ratio_interval(a, b)
        missed += not low < 1 < high
    assert missed / math.comb(m + n, m) == pytest.approx(1 - chance)
    assert chance >= 0.95


@pytest.mark.parametrize(("m", "n"), [(3, 3), (3, 4), (2, 7), (1, 100)])
def test_so_few_tell_no_difference(m, n):
    ratio, (low, high, chance) = ratio_interval(range(1, m + 1), range(1001, n + 1001))
    assert ratio > 300
    assert math.isnan(low)
    assert math.isnan(high)
    assert chance == 0


def test_many_pairs_go_over_smoothly_from_counting_to_the_normal_law():
    chances = [ratio_interval(range(1, n + 1), range(1, n + 1))[1].chance for n in (49, 50, 51)]
    assert chances == pytest.approx([0.95] * 3, abs=2e-3)


values = st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=9)


@given(values, values)
def test_a_ratio_lies_in_its_interval_and_turns_over_with_its_sides(a, b):
    ratio, (low, high, chance) = ratio_interval(a, b)
    back, (back_low, back_high, _) = ratio_interval(b, a)
    if chance:
        assert low <= ratio * (1 + 1e-12)
        assert ratio <= high * (1 + 1e-12)
        assert (low, high) == pytest.approx((1 / back_high, 1 / back_low))
    if len(a) * len(b) % 2:  # of an even number the middle two are averaged
        assert ratio == pytest.approx(1 / back)
