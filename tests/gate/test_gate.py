"""Gate: what is stopped, what passes, and what cannot be told."""

import math

import numpy as np
import pytest
from own_laws import EACH, FIXED, affine, measured

from aethermodel.gate.gate import gate
from aethermodel.gate.limits import limit_of, limits_of, quantity_of
from aethermodel.gate.runs import LawRun
from aethermodel.gate.student import shift
from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements, Series
from aethermodel.report.comparison.gate_summary import summary_markdown


def runs(count, *, state, growth=0.0, seed=0):
    """Runs that differ as a whole; the fixed cost may have grown."""
    rng = np.random.default_rng(seed)
    laws = []
    for at in range(count):
        level = math.exp(rng.normal(0, state))
        fixed = FIXED * (1 + growth) * level
        laws.append(LawRun(f"run {at}", affine(fixed, EACH * level, seed=1000 * seed + at)))
    return {"": laws}


@pytest.fixture(scope="module")
def history():
    return runs(12, state=0.005)


def test_ten_per_cent_more_is_stopped_and_nothing_more_is_not(history):
    limits = limits_of(["T(1)=+5%"])
    worse = gate(history, runs(2, state=0.005, growth=0.10, seed=1), limits)
    assert worse.outcome == "worse"
    assert worse.status == 1
    (row,) = worse.rows
    assert row.low > 1.05
    assert row.low <= 1.10 * 1.02
    same = gate(history, runs(2, state=0.005, seed=2), limits)
    assert (same.outcome, same.status) == ("ok", 0)


def test_a_parameter_is_limited_by_its_name(history):
    head = runs(2, state=0.005, growth=0.10, seed=1)
    worse = gate(history, head, limits_of(["c0=+5%", "c1=+5%"]))
    assert [row.outcome for row in worse.rows] == ["worse", "ok"]
    assert worse.rows[0].ratio == pytest.approx(1.10, abs=0.03)
    with pytest.raises(ValueError, match="no parameter 'nothing'"):
        gate(history, head, limits_of(["nothing=+5%"]))


def test_a_parameter_is_the_same_thing_in_runs_of_different_families(history):
    """One run was fitted by a law with more terms: its costs are those of the others' law."""
    (series,) = measured(lambda n: FIXED + EACH * n).series
    bent = np.where(series.sizes > 1000, series.seconds * 1.3, series.seconds)
    kneed = fit(Measurements("bent", "test", "n", "", "", (Series({}, series.sizes, bent),))).only()
    assert len(kneed.terms) > 2
    mixed = {"": [*history[""], LawRun("bent", kneed)]}
    (row,) = gate(mixed, runs(2, state=0.005, seed=2), limits_of(["c0=+5%"])).rows
    assert row.ratio == pytest.approx(1.0, abs=0.03)


def test_without_a_limit_the_spread_of_the_runs_is_the_limit(history):
    assert gate(history, runs(1, state=0.005, growth=0.10, seed=1)).outcome == "worse"
    same = gate(history, runs(1, state=0.005, seed=3))
    assert same.outcome == "ok"
    assert [row.quantity for row in same.rows] == ["T(1)", "T(64)", "T(16,384)"]
    assert any("no limit given" in remark for remark in same.remarks)


def test_a_noisy_history_makes_a_gate_that_cannot_tell():
    base, head = runs(6, state=0.08, seed=4), runs(1, state=0.08, growth=0.10, seed=5)
    assert gate(base, head, limits_of(["T(1)=+5%"])).status == 3
    assert gate(base, head).status in (3, 0)


def test_one_run_a_side_takes_a_spread_and_says_so():
    base, head = runs(1, state=0.0), runs(1, state=0.0, growth=0.04, seed=1)
    verdict = gate(base, head, limits_of(["T(1)=+5%"]))
    assert verdict.outcome == "cannot tell"
    assert any("does not tell what runs differ by" in remark for remark in verdict.remarks)
    # That the runs do not differ is for the user to say.
    assert gate(base, head, limits_of(["T(1)=+8%"]), spread=0.0).outcome == "ok"
    assert gate(base, head, limits_of(["T(1)=+1%"]), spread=0.001).outcome == "worse"


def test_limits_downwards(history):
    better = runs(2, state=0.005, growth=-0.2, seed=6)
    assert gate(history, better, limits_of(["T(1)=-5%"])).outcome == "worse"
    assert gate(history, better, limits_of(["T(1)=+5%"])).outcome == "ok"


def test_sides_that_do_not_match(history):
    with pytest.raises(ValueError, match="no curve in common"):
        gate(history, {"other": history[""]})
    with pytest.raises(ValueError, match="range of sizes in common"):
        gate(history, {"": [LawRun("far", affine(sizes=np.array([1e6, 2e6, 4e6])))]})
    with pytest.raises(ValueError, match="spread"):
        gate(history, history, spread=2.0)


@pytest.mark.parametrize(
    "text", ["T(10)", "T(10)=5%", "=+5%", "T(x)=+5%", "T(0)=+5%", "t=+5", "T(1e999)=+5%", "t=+x%"]
)
def test_limits_that_are_not_written_as_they_should_be(text):
    with pytest.raises(ValueError, match=r"a limit is written|a time is"):
        limit_of(text)


def test_limits_as_written():
    assert limit_of(" T(1e4) = +3 % ").quantity == quantity_of("T(10000)")
    assert limit_of("t_event=-2.5%").change == -0.025
    assert str(limit_of("T(1_000)=+5%")) == "T(1,000)=+5%"
    with pytest.raises(ValueError, match="two limits are of T"):
        limits_of(["T(10)=+5%", "T(1e1)=+3%"])


def test_students_t_against_scipy():
    from scipy import stats

    a, b = [0.0, 0.02, -0.01, 0.015], [0.1, 0.13, 0.09]
    found = shift(a, b, pooled=True)
    true = stats.ttest_ind(b, a).confidence_interval(0.98)
    assert found.value - found.half_width(0.01) == pytest.approx(true.low)
    assert found.value + found.half_width(0.01) == pytest.approx(true.high)
    assert math.isnan(shift([0.1], [0.2]).error)
    assert shift([0.1], [0.2], variance=0.04).half_width(0.025) == pytest.approx(0.5544, rel=1e-3)


def test_the_summary_is_a_table_in_which_no_name_is_markdown(history):
    base = {"a|b <img>": history[""]}
    head = {"a|b <img>": runs(2, state=0.005, growth=0.10, seed=1)[""]}
    text = summary_markdown(gate(base, head, limits_of(["T(1)=+5%"])), "base", "head")
    lines = text.splitlines()
    assert "Worse than the limit" in lines[0]
    (row,) = [line for line in lines if line.startswith("| ❌")]
    assert r"a\|b \<img\>" in row
    assert "+5 %" in row
