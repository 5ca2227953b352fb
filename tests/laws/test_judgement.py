"""Judgement of laws: what no fit and no simpler law can be better than."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.laws.curve_points import points_of
from aethermodel.laws.families.terms import Term, design
from aethermodel.laws.fitting.judgement import judge, least_of_rising, most_chance
from aethermodel.laws.fitting.refined_fit import shape_of
from aethermodel.readers.measurements import Series

N = 2.0 ** np.arange(4, 13)


def measured(seed, noise):
    rng = np.random.default_rng(seed)
    sizes = np.repeat(N, 4)
    seconds = (1e-6 + 1e-9 * sizes) * np.exp(noise * rng.standard_normal(sizes.size))
    return points_of(Series({}, sizes, seconds))


@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0.01, 0.3, 1.0]))
@settings(max_examples=20, deadline=None)
def test_no_rising_law_misses_less_than_the_bound_of_them_all(seed, noise):
    points = measured(seed, noise)
    weights = 1 / points.deviation**2
    least = least_of_rising(points, weights)
    for terms in (
        (Term("one"), Term("power", 1.0)),
        (Term("one"), Term("ramp", 0.0, 200.0), Term("ramp", 200.0, np.inf)),
        (Term("one"), Term("power", 0.45)),
    ):
        shape = shape_of(terms, points.n, points.seconds, weights)
        assert shape.square_sum >= least * (1 - 1e-9)
        for parameters in (1, 2, 4):
            chance = judge(shape, points, parameters).chance
            assert most_chance(least, points, parameters) >= chance - 1e-12
        assert all(term.rises for term in terms)
        assert np.all(np.diff(design(terms, points.n) @ shape.coefficients) >= 0)


def test_the_bound_of_times_that_rise_is_nothing_and_of_others_what_joins_them():
    rising = points_of(Series({}, N, 1e-9 * N))
    assert least_of_rising(rising, np.ones(N.size)) == pytest.approx(0.0, abs=1e-25)
    # The best law of 2 and 1 is constant, where (2/T - 1)^2 + (1/T - 1)^2 is least: at 5/3.
    falls = points_of(Series({}, np.array([1.0, 2.0]), np.array([2.0, 1.0])))
    assert least_of_rising(falls, np.ones(2)) == pytest.approx(0.2**2 + 0.4**2)


def test_terms_that_fall_are_no_part_of_a_rising_law():
    falling = [Term("power", -1.0), Term("second", -1.0, 1.0), Term("level", 0, 9), Term("slope")]
    assert not any(term.rises for term in falling)
