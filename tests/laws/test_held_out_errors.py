"""Intervals from misses: the page's formulas, and what they hold on data of known noise."""

import numpy as np
import pytest

from aethermodel.laws.fit import fit_series
from aethermodel.laws.fitting.folds import CUTS, REACH, folds_of
from aethermodel.laws.held_out_errors import FREEDOM, Misses, quantile
from aethermodel.laws.law_formulas import law_equations
from aethermodel.readers.measurements import Series


def misses(**changes):
    octave = np.arange(10.0)
    figures = {
        "octave": octave,
        "where": np.arange(1, 9),
        "inside": np.linspace(0.01, 0.08, 8),
        "gap": np.full(8, 0.5),
        "beyond": np.array([0.03, 0.05, 0.2]),
        "further": np.array([1.0, 2.0, 1.0]),
        "weight": np.array([0.5, 0.5, np.exp(-1)]),
        "alike": False,
    }
    return Misses(**(figures | changes))


def test_scales_are_those_of_the_page():
    own = misses()
    mean, u = own.inside.mean(), 0.02
    weight = np.exp(-np.abs(own.where - 4.5))
    local = (np.sum(weight * own.inside) + mean) / (weight.sum() + 1)
    assert own.scale(np.array([4.3]), np.array([u]))[0] == pytest.approx(np.hypot(local, u))
    end, d = own.inside[-3:].mean(), 3.0
    walk = np.sum(own.weight * own.beyond * np.sqrt(d / own.further)) + end
    walk /= own.weight.sum() + 1
    expected = np.sqrt(walk**2 + (2 * u) ** 2 + end**2)
    assert own.scale(np.array([9 + d]), np.array([u]))[0] == pytest.approx(expected)
    assert quantile(0.95) == pytest.approx(2.776, abs=1e-3) and FREEDOM == 4
    assert "t_{4}" in law_equations()["ends of an interval"].latex


def test_a_wider_gap_and_a_farther_size_are_less_certain():
    octave = np.array([0, 1, 2, 3, 7, 8, 9, 10, 11, 12.0])
    own = misses(octave=octave, inside=np.full(8, 0.02))
    nowhere = np.zeros(3)
    tight, wide, _ = own.scale(np.array([2.5, 5.0, 9.5]), nowhere)
    assert wide > tight
    assert np.all(np.diff(own.scale(np.array([12.5, 14.0, 16.0]), nowhere)) > 0)
    assert np.all(np.diff(own.scale(np.array([-0.5, -1.0, -4.0]), nowhere)) > 0)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 6, 7, 12, 30])
def test_each_interior_point_is_left_out_once_and_ends_are_cut(m):
    n = 2.0 ** np.arange(m)
    folds = folds_of(n, np.arange(m, dtype=float))
    inside = folds.asked[~folds.beyond]
    assert folds.kept[0].all() and not folds.asked[0].any()
    np.testing.assert_array_equal(inside.sum(axis=0)[1:-1], np.full(max(m - 2, 0), m > 3))
    for kept, asked in zip(folds.kept[folds.beyond], folds.asked[folds.beyond], strict=True):
        assert not np.any(kept & asked)
        assert n[asked].max() <= REACH * n[kept].max() < n[-1] * REACH / CUTS[0] + 1


def test_intervals_hold_what_they_say_on_single_rows_of_known_noise():
    """40 tables of one row a size, N log N with 5 % noise: exact, one fails in 10^5 by chance."""
    rng = np.random.default_rng(11)
    n = 2.0 ** np.arange(4, 20)
    held = []
    for _ in range(40):
        seconds = (2e-6 + 3e-9 * n * np.log2(n)) * np.exp(0.05 * rng.standard_normal(n.size))
        left = rng.integers(1, n.size - 1)
        kept = np.arange(n.size) != left
        band = fit_series(Series({}, n[kept], seconds[kept])).predict(n[left], of="new")
        held.append(band.low <= seconds[left] <= band.high)
    assert np.mean(held) >= 0.8
