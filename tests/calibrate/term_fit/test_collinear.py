"""Collinear costs: where samples know only a sum, answers keep the sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.special import stdtrit

from aethermodel.calibrate import fit_term, identify
from aethermodel.calibrate.benchmark.coverage import (
    SIZES,
    SWITCH,
    Truth,
    coverage,
    missed,
    simulate,
)
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.term_fit import joint_distribution as joint
from aethermodel.calibrate.term_fit.samples import Timings
from aethermodel.model.optimal_batch_size import best_rate, size_for_rate
from aethermodel.model.pipelined import law_of

seeds = st.integers(0, 2**32 - 1)
KNEES = (128.0, 8192.0)
#: Share of the draws that may lie beyond an end of a sum of two terms: either leaves 2.5 % out, and
#: of 4,000 draws of each chance adds three standard deviations.
BEYOND = 2 * (0.025 + 3 * np.sqrt(0.025 * 0.975 / 4000))


def kernel(n, step=0.0, event=1.8e-9, beyond=0.7e-9):
    """The router's two ways, the second of which begins `step` seconds lower."""
    law = 50e-9 + 2.9e-9 * np.minimum(n, SWITCH) + event * np.maximum(0, n - SWITCH)
    return law + beyond * np.maximum(0, n - 8192) - step * (n > SWITCH)


def sampled(law, noise, seed, sizes=SIZES, processes=8, repeats=4):
    rng = np.random.default_rng(seed)
    n = np.repeat(np.array(sizes, dtype=float), processes * repeats)
    process = np.tile(np.repeat(np.arange(processes), repeats), len(sizes))
    levels = 1 + 0.02 * rng.standard_normal(processes)
    seconds = law(n) * levels[process] * np.maximum(1 + noise * rng.standard_normal(n.size), 0.01)
    return n, seconds, process


def with_kernel(samples, seed=0):
    """A calibration whose kernel has these samples."""
    rng = np.random.default_rng([seed, 1])
    truth = Truth.drawn(rng)
    known = truth.calibration(rng)
    timings = Timings(*(column.tolist() for column in samples))
    changed = known.samples | {"kernel": timings}
    return Calibration(known.host, known.created, known.conditions, changed)


@pytest.mark.parametrize("step", [5e-9, 14e-9, 30e-9])
@pytest.mark.parametrize("noise", [0.01, 0.03, 0.06])
def test_a_segment_that_no_size_lies_in_is_no_segment(step, noise):
    """What made it up was t_event = 0 (0 to 5.5 ns) beside t_beyond_L1 = 1.8 (0 to 22)."""
    for seed in range(5):
        n, seconds, process = sampled(lambda n: kernel(n, step), noise, seed)
        fit = fit_term(n, seconds, knees=KNEES, switch=SWITCH, group=process)
        assert 128 not in fit.form.knees
        found = fit.parameters["c1"]
        assert found.low > 0 and found.value == pytest.approx(1.8e-9, rel=0.15)
        assert not any("cannot be told apart" in text for text in identify(fit).warnings)


def test_segments_that_sizes_tell_apart_are_kept():
    sizes = (1, 3, 12, 48, 90, 120, 160, 200, 300, 400, 500, 768, 1536, 3072, 6144, 12288)

    def law(n):
        return kernel(n, event=0.5e-9, beyond=0) + 2e-9 * np.maximum(0, n - 300)

    n, seconds, process = sampled(law, 0.01, 0, sizes)
    fit = fit_term(n, seconds, knees=(300.0,), switch=SWITCH, group=process, free_knee=False)
    assert fit.form.switch == SWITCH and fit.form.knees == (300.0,)
    assert fit.parameters["c1"].value == pytest.approx(0.5e-9, rel=0.05)
    assert fit.parameters["c2"].value == pytest.approx(2e-9, rel=0.05)


def test_a_knee_that_is_known_is_not_moved_by_noise():
    """In 13 of 100 hosts one was found beside it, and intervals about that missed in a quarter."""
    for seed in range(12):
        n, seconds, process = sampled(kernel, 0.02, seed)
        fit = fit_term(n, seconds, knees=KNEES, switch=SWITCH, group=process)
        assert fit.form.knees == (8192.0,) and fit.form.free == (False,)
    # Where the slope rises elsewhere, it is found there.
    n, seconds, process = sampled(
        lambda n: kernel(n, beyond=0) + 2e-9 * np.maximum(0, n - 4000), 0.01, 0
    )
    fit = fit_term(n, seconds, knees=KNEES, switch=SWITCH, group=process)
    assert fit.form.free == (True,) and fit.form.knees == (pytest.approx(4000, rel=0.05),)


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 4))
def test_a_draw_below_zero_is_the_fit_under_the_bound(seed, costs):
    """Against the solver of the fit itself, in the metric of the covariance."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((12, costs + 1))
    rows[:, 0] = rows[:, costs - 1] + 1e-3 * rows[:, 0]  # nearly the same
    covariance = np.linalg.inv(rows.T @ rows)
    centre = rng.standard_normal(costs + 1) * np.sqrt(np.diag(covariance))
    drawn, moved = joint.draw(centre, covariance, 30, costs, 50, np.random.default_rng(seed))
    free, _ = joint.draw(centre, covariance, 30, 0, 50, np.random.default_rng(seed))
    assert moved == np.any(free[:, :costs] < 0, axis=1).sum()
    for bounded, unbounded in zip(drawn, free, strict=True):
        # What is not bounded is the difference of two that are.
        design = np.column_stack([rows[:, :costs], rows[:, costs:], -rows[:, costs:]])
        _, least = nnls(design, rows @ unbounded)
        assert np.linalg.norm(rows @ (bounded - unbounded)) == pytest.approx(
            least, rel=1e-5, abs=1e-7
        )
        assert (bounded[:costs] >= 0).all()


@pytest.mark.parametrize("dimensions", [1, 2, 4])
def test_tails_of_draws_hold_what_they_should_whatever_the_seed(dimensions):
    """Of independent draws one tail in three holds a tenth too much or too little."""
    count = 4_000
    freedom, direction = 30, np.ones(dimensions) / np.sqrt(dimensions)
    ends = stdtrit(freedom, [0.025, 0.975])
    tails = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        drawn, _ = joint.draw(np.zeros(dimensions), np.eye(dimensions), freedom, 0, count, rng)
        along = drawn @ direction
        tails += [np.mean(along < ends[0]), np.mean(along > ends[1])]
    chance = np.sqrt(0.025 * 0.975 / count)
    assert np.std(tails) < 0.75 * chance
    assert np.mean(tails) == pytest.approx(0.025, abs=chance)


def test_two_sets_of_draws_are_independent():
    rng = np.random.default_rng(0)
    one, other = (joint.student(4_000, 2, 30, rng) for _ in range(2))
    together = np.corrcoef(np.hstack([one, other]), rowvar=False) - np.eye(4)
    assert np.abs(together).max() < 4 / np.sqrt(4_000)
    assert joint.student(5, 40, 3, rng).shape == (5, 40)


def test_a_sum_is_kept_whose_parts_are_not_known():
    deviation, together = 5.0, 0.01
    one = np.array([[deviation**2, -(deviation**2)], [-(deviation**2), deviation**2]])
    covariance = one + together**2 * np.array([[0, 0], [0, 1]])
    drawn, moved = joint.draw(
        np.array([0.0, 1.8]), covariance, 200, 2, 4000, np.random.default_rng(0)
    )
    assert moved > 2000 and (drawn >= 0).all()
    assert np.quantile(drawn.sum(axis=1), [0.025, 0.975]) == pytest.approx([1.78, 1.82], abs=0.005)


def assert_holds(interval, draws):
    """An end lies where that of the draws does, to a tenth of the width, or leaves few more out."""
    low, high = interval
    places = np.quantile(draws, [0.025, 0.975])
    shares = np.mean(draws < low), np.mean(draws > high)
    for end, place, share in zip(interval, places, shares, strict=True):
        assert abs(end - place) <= 0.1 * (high - low) or 0.025 <= share <= BEYOND


@settings(deadline=None, max_examples=12)
@given(
    seeds,
    st.sampled_from([0.005, 0.02, 0.06]),
    st.sampled_from([0.0, 14e-9, 40e-9]),
    st.lists(st.sampled_from(SIZES), min_size=6, max_size=17, unique=True),
    st.sampled_from(["as it is", "cores", "pool", "set", "topics"]),
)
def test_draws_and_predictions_agree_whatever_the_design(seed, noise, step, sizes, change):
    """T(N) by drawn parameters and by the terms' intervals, whose ends are added in quadrature.

    Where two or three draws in a hundred have their knee below N, an end of a term leaves them out,
    and so does that of the sum; its own draws end among these few, as far off as they happen to be
    (a tenth of the width to all of it, with 4 to 6 % of the draws beyond).
    """
    sizes = sorted({*sizes, SIZES[0], SIZES[-1]})
    calibration = with_kernel(sampled(lambda n: kernel(n, step), noise, seed, sizes), seed)
    assumptions = {
        "as it is": lambda: {},
        "cores": lambda: what_if.cores(calibration, 2, 0.1),
        "pool": lambda: what_if.pool(calibration, 64),
        "set": lambda: what_if.values(calibration, ["t_tick=1us"]),
        "topics": lambda: what_if.topics(calibration, 64, 408),
    }[change]()
    scenario = Scenario(calibration, assumptions, 64 if change == "topics" else None)
    answers = Answers(scenario)
    drawn = law_of(scenario.model, scenario.draws)
    n = np.unique(np.geomspace(1, calibration.largest, 12).round())
    found = scenario.predict(n)
    for size, value, low, high in zip(n, found.seconds, found.low, found.high, strict=True):
        pair = drawn.ranked_at(size) if calibration.model().producer else drawn
        assert_holds((low, high), pair.seconds(size))
        assert low < value < high
    for goal in (answers.share(0.9), answers.share(0.95)):
        assert goal.size.low <= goal.size.value <= goal.size.high
        rate = goal.per_second
        rates = answers.drawn_about(goal.size.value).rate(goal.size.value)
        assert 0.1 < np.mean(rates < rate.value) < 0.9
        assert_holds((rate.low, rate.high), rates)
        # The rate at a size is known as well as the time there.
        there = scenario.predict(goal.size.value)
        assert_holds(goal.size.value / np.array([there.high[0], there.low[0]]), rates)


def test_the_reported_case_says_what_its_samples_know():
    """T(10,000) within 5 %, as the law of the kernel says: it was 23 to 232 us in a what-if."""
    calibration = with_kernel(sampled(lambda n: kernel(n, 14e-9), 0.06, 3))
    for assumptions in ({}, what_if.cores(calibration, 2, 0.0), what_if.pool(calibration, 64)):
        scenario = Scenario(calibration, assumptions)
        found = scenario.predict([10_000])
        assert found.high[0] / found.low[0] < 1.1
        rate = Answers(scenario).share(0.9).per_second
        assert rate.high / rate.low < 1.1


@pytest.mark.slow(reason="coverage over many simulated hosts")
def test_answers_cover_the_truth_on_simulated_hosts():
    """Of 30 hosts; more by `bench model --hosts`. Exact: one miss in 1,000 by chance."""
    found = coverage(simulate(30, seed=5, workers=2))
    assert missed(found) == []
    found = found.set_index("question")
    for question in ("best rate", "N for 95 % of it", "rate there", "N for a rate"):
        assert found.loc[question, "answers"] == 30
    assert (found["outside"] <= 0.2).all()


@pytest.mark.parametrize("host", [10, 256, 260, 274])
def test_the_share_that_two_stages_reach_is_known_as_badly_as_both(host):
    """Draws paired by rank moved both stages alike: the truth lay 3 to 6 half-widths off."""
    rng = np.random.default_rng((10, host))
    truth = Truth.drawn(rng)
    answers = Answers(Scenario(truth.calibration(rng), {}))
    law = law_of(truth.model)
    (best,), _ = best_rate(law, answers.largest)
    size = answers.share(0.95).size
    assert size.low <= np.ceil(size_for_rate(law, 0.95 * best))[0] <= size.high
    assert size.high / size.low < 1.25
