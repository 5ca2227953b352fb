"""Samples of one process share its level: intervals know it, and cover the truth."""

import numpy as np
import pytest

from aethermodel.calibrate import fit_term

SIZES = 3 * 4.0 ** np.arange(8)
PROCESSES, REPEATS = 8, 4
N = np.tile(np.repeat(SIZES, REPEATS), PROCESSES)
GROUP = np.repeat(np.arange(PROCESSES), SIZES.size * REPEATS)


def law(n):
    return 4.1e-6 + 8e-9 * n


def taken(effect, rng, noise=0.01):
    levels = 1 + effect * rng.standard_normal(PROCESSES)
    return law(N) * levels[GROUP] * (1 + noise * rng.standard_normal(N.size))


def fit(seconds, group=GROUP):
    return fit_term(N, seconds, group=group, forms=("affine",))


@pytest.mark.parametrize(
    ("effect", "least", "most"), [(0, 0.94, 0.99), (0.01, 0.925, 0.98), (0.02, 0.925, 0.98)]
)
def test_intervals_cover_the_truth_whatever_the_processes_differ_by(effect, least, most):
    """95 % nominal; over 1,000 runs each lies within 93 to 97 %, over 600 chance adds its own."""
    rng = np.random.default_rng(4)
    at, runs = np.array([10.0, 1000.0, 2e5]), 600
    hits = {"mean": np.zeros(3), "observation": np.zeros(3), "c0": 0, "c1": 0}
    for _ in range(runs):
        found = fit(taken(effect, rng))
        new = law(at) * (1 + effect * rng.standard_normal()) * (1 + 0.01 * rng.standard_normal(3))
        for kind, truth in (("mean", law(at)), ("observation", new)):
            _, low, high = found.predict(at, kind=kind)
            hits[kind] += (low <= truth) & (truth <= high)
        for name, true in (("c0", 4.1e-6), ("c1", 8e-9)):
            parameter = found.parameters[name]
            hits[name] += parameter.low <= true <= parameter.high
    for share in hits.values():
        assert np.all((least <= share / runs) & (share / runs <= most)), hits


def test_without_the_processes_the_interval_is_far_too_narrow():
    rng = np.random.default_rng(5)
    seconds = taken(0.02, rng)
    known, unknown = fit(seconds), fit(seconds, None)
    widths = [np.ptp(one.predict([1000.0])[1:]) for one in (known, unknown)]
    assert widths[0] > 3 * widths[1]
    assert known.between.processes == 8 and unknown.between.processes == 0
    assert known.noise == pytest.approx(0.01, rel=0.2)
    assert np.sqrt(known.between.variance) == pytest.approx(0.02, rel=0.6)


def test_one_process_that_was_disturbed_throughout_does_not_move_the_law():
    seconds = taken(0.002, np.random.default_rng(6), noise=0.005)
    slow = np.where(GROUP == 3, 1.6 * seconds, seconds)
    assert fit(slow).predict([1000.0])[0] == pytest.approx(
        fit(seconds).predict([1000.0])[0], rel=0.01
    )
    # But that there was one is in the interval.
    assert fit(slow).predict([1000.0])[2] > 1.05 * fit(seconds).predict([1000.0])[2]


def test_what_the_processes_are_called_and_in_what_order_they_come_does_not_matter():
    seconds = taken(0.02, np.random.default_rng(7))
    order = np.random.default_rng(8).permutation(N.size)
    names = np.array([100 - 7 * one for one in GROUP])
    other = fit_term(N[order], seconds[order], group=names[order], forms=("affine",))
    for one, same in zip(fit(seconds).predict(SIZES), other.predict(SIZES), strict=True):
        assert one == pytest.approx(same, rel=1e-9)


def test_equal_samples_and_a_single_process_are_no_difficulty():
    assert fit(law(N)).predict([1000.0])[0] == pytest.approx(law(1000))
    alone = fit(taken(0.02, np.random.default_rng(9)), np.zeros(N.size))
    assert alone.between.processes == 1 and alone.between.variance == 0


def test_a_process_for_each_sample_or_none():
    with pytest.raises(ValueError, match="256 samples but 3 processes"):
        fit_term(N, law(N), group=[1, 2, 3])
