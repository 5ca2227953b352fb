"""Non-negative least squares against SciPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from aethermodel.calibrate.term_fit.nonnegative import nonnegative_least_squares


@given(
    seed=st.integers(0, 2**32 - 1),
    points=st.integers(1, 20),
    count=st.integers(1, 5),
    alike=st.booleans(),
    law=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_no_solution_misses_less(seed, points, count, alike, law):
    """Also where there are fewer points than columns, and columns that are next to the same."""
    rng = np.random.default_rng(seed)
    columns = rng.random((points, count))
    if alike:
        columns[:, -1] = columns[:, 0] * (1 + 1e-7 * rng.random(points))
    columns /= np.linalg.norm(columns, axis=0)
    target = rng.standard_normal(points)
    if law:
        target = columns @ np.maximum(rng.standard_normal(count), 0)
    solution = nonnegative_least_squares(columns, target)
    missed = float(np.linalg.norm(columns @ solution - target))
    assert solution.shape == (count,) and np.all(solution >= 0)
    assert missed <= nnls(columns, target)[1] + 1e-12 * (1 + float(np.linalg.norm(target)))


def test_a_column_of_nothing_and_equal_columns_are_solved():
    columns = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert nonnegative_least_squares(columns, np.array([1.0, 2.0, 3.0]))[0] == pytest.approx(2.0)
    solution = nonnegative_least_squares(np.ones((3, 2)), np.array([1.0, 2.0, 3.0]))
    assert solution.sum() == pytest.approx(2.0)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="infs or NaNs"):
        nonnegative_least_squares(np.ones((3, 2)), np.array([1.0, wrong, 3.0]))
