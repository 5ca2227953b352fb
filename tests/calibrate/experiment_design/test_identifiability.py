"""Identifiability of a sweep's parameters, and the next point to measure."""

import numpy as np
import pytest

from aethermodel.calibrate import fit_term, identify, next_point

SIZES = 2.0 ** np.arange(11)


def fitted(sizes, noise=0.02, **options):
    n = np.repeat(sizes, 5)
    draw = np.random.default_rng(4).standard_normal(n.size)
    return fit_term(n, (4.1e-6 + 8e-9 * n) * (1 + noise * draw), **options)


def test_a_good_sweep_is_sound():
    found = identify(fitted(SIZES))
    assert found.warnings == () and found.confused == () and found.measure_next is None
    assert found.condition < 5


def test_neighbouring_sizes_cannot_tell_fixed_from_per_event():
    found = identify(fitted([1000.0, 1010.0, 1024.0]))
    assert ("c0", "c1") in found.confused and found.condition > 30
    assert any("c0 and c1 cannot be told apart" in line for line in found.warnings)
    assert found.measure_next is not None and f"N = {found.measure_next:,.10g}" in found.warnings[0]


def test_the_advice_helps():
    n = np.repeat([1000.0, 1010.0, 1024.0], 5)
    advised = identify(fitted([1000.0, 1010.0, 1024.0])).measure_next
    more = identify(fitted(np.append(np.unique(n), advised)))
    assert more.confused == () and more.condition < 30


def test_small_batches_cannot_show_growth():
    found = identify(fitted([1.0, 2.0, 4.0]))
    assert any("c1, the growth" in line for line in found.warnings)
    assert found.measure_next > 4


def test_growth_that_the_samples_show_is_not_called_none():
    n = np.repeat([2.0, 192.0, 49152.0], 32)
    draw = np.random.default_rng(4).standard_normal(n.size)
    fit = fit_term(n, (319e-9 + 24e-9 * n / 49152) * (1 + 0.015 * draw), free_knee=False)
    assert not any("distinguished from zero" in line for line in identify(fit).warnings)


def test_many_outliers_are_said_and_a_few_are_not():
    n = np.repeat(SIZES, 20)
    noise = 1 + 0.02 * np.random.default_rng(4).standard_normal(n.size)
    for every, said in ((100, False), (10, True)):
        seconds = (4.1e-6 + 8e-9 * n) * noise
        seconds[::every] *= 3
        fit = fit_term(n, seconds)
        assert fit.outlier_share == pytest.approx(1 / every, abs=0.01)
        assert any("outliers" in line for line in identify(fit).warnings) is said


def test_a_fit_that_did_not_settle_is_said():
    times = [57e-6, 10e-6, 2.2e-6, 0.4e-6, 79e-6, 358e-6]
    wild = fit_term([1, 2, 4, 8, 16, 32], times, forms=["affine"])
    assert any("did not settle" in line for line in identify(wild).warnings)
    assert fitted(SIZES).chosen.regression.moved < 1e-9


@pytest.mark.parametrize(("knee", "side"), [(32768.0, 1), (512.0, 1), (1.5, -1)])
def test_a_knee_outside_the_sweep_names_a_size_across_it(knee, side):
    found = identify(fitted(SIZES, knees=(knee,)))
    assert any(f"knee at N = {knee:,.10g}" in line for line in found.warnings)
    assert side * (found.measure_next - knee) > 0


def test_scatter_between_sizes_is_said():
    n = np.repeat(SIZES, 5)
    rng = np.random.default_rng(5)
    shared = np.repeat(1 + 0.1 * rng.standard_normal(SIZES.size), 5)
    noise = 1 + 0.002 * rng.standard_normal(n.size)
    found = identify(fit_term(n, (4.1e-6 + 8e-9 * n) * shared * noise))
    assert any("scatter" in line for line in found.warnings)


def test_the_next_point_is_the_one_that_shrinks_the_region_most():
    fit = fitted(SIZES)
    options = [2.0, 64.0, 8192.0]
    best = next_point(fit, options)
    assert best.n == 8192 and best.repeats == 5 and 0 < best.shrinkage < 1
    assert all(next_point(fit, [n]).shrinkage >= best.shrinkage for n in options)


def test_shrinkage_is_that_of_the_determinant():
    fit = fitted(SIZES)
    point = next_point(fit, [8192.0])
    rows = fit.form.design(np.append(fit.samples.n, 8192.0))
    law = fit.predict(np.append(fit.samples.n, 8192.0))[0]
    rows = rows / law[:, None] * np.sqrt(np.append(fit.samples.kept, 5))[:, None]
    before, after = (np.linalg.det(r.T @ r) for r in (rows[:-1], rows))
    assert point.shrinkage == pytest.approx(np.sqrt(before / after), rel=1e-6)


def test_a_budget_excludes_what_is_too_dear_and_buys_repeats():
    fit = fitted(SIZES)
    price = float(fit.predict(4096.0)[0])
    bought = next_point(fit, [1.0, 1024.0, 2.0**20], budget=6 * price)
    assert bought.n < 2**20 and bought.repeats >= 1 and bought.seconds <= 6 * price
    dear = next_point(fit, [64.0, 4096.0], cost=lambda n: np.where(n > 1000, 10.0, 1.0), budget=5)
    assert (dear.n, dear.repeats, dear.seconds) == (64, 5, 5)


def test_bad_requests_are_refused():
    fit = fitted(SIZES)
    for candidates in ([], [0.0], [np.nan]):
        with pytest.raises(ValueError, match="candidates"):
            next_point(fit, candidates)
    with pytest.raises(ValueError, match="no candidate"):
        next_point(fit, [1e6], budget=1e-9)
    with pytest.raises(ValueError, match="cost"):
        next_point(fit, [1.0, 2.0], cost=lambda n: 0 * n)
