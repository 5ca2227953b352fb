"""Scalability laws fitted to times that were made by a known law."""

import numpy as np
import pytest

from aethermodel.calibrate.term_fit.scaling_fit import fit_scaling
from aethermodel.model.scaling.scalability import Scalability


def times(law, counts, *, split, noise=0.0, repeats=9):
    rng = np.random.default_rng(1)
    return {
        p: (
            1e-3 * law.slowdown(p) / (p if split else 1) * (1 + noise * rng.random(repeats))
        ).tolist()
        for p in counts
    }


@pytest.mark.parametrize("split", [True, False])
def test_both_coefficients_come_back(split):
    law = Scalability(0.08, 0.003)
    fit = fit_scaling(times(law, (1, 2, 4, 8, 16), split=split), split=split)
    assert (fit.law.sigma, fit.law.kappa) == pytest.approx((0.08, 0.003))
    assert fit.name == "universal"
    assert "more than 18 would be slower" in fit.finding


def test_intervals_hold_the_truth_and_widen_beyond_what_was_timed():
    law = Scalability(0.2, 0.001)
    fit = fit_scaling(times(law, (1, 2, 4, 8), split=True, noise=0.05), split=True)
    low, high = fit.interval()["sigma"]
    assert low <= 0.2 <= high
    _, low, high = fit.speedup([2, 8, 64])
    assert np.all(np.diff((high - low) / low) > 0)


def test_two_counts_cannot_tell_coherency():
    fit = fit_scaling(times(Scalability(0.3), (1, 2), split=True), split=True)
    assert (fit.law.sigma, fit.law.kappa) == (pytest.approx(0.3), 0.0)
    assert "cannot tell coherency" in fit.finding


def test_one_count_tells_nothing_and_more_than_ideal_is_ideal():
    assert "nothing is known" in fit_scaling({1: [1.0]}, split=True).finding
    assert fit_scaling({1: [1.0], 2: [0.4]}, split=True).law == Scalability(0.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [({2: [1.0]}, "one worker alone"), ({1: []}, "above zero"), ({1: [0.0]}, "above zero")],
)
def test_unfit_times_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        fit_scaling(given, split=True)
