"""Two stores compared: what moved, what cannot be told, what has no counterpart."""

import json
import math
import random
import re

import numpy as np
import pytest
from command_line import aether
from hypothesis import given
from hypothesis import strategies as st
from sweep_stores import CONDITIONS, write_store

from aethermodel.report.comparison.diff import diff, diff_html, load_source, why
from aethermodel.report.comparison.shift import of_each, pooled, verdict
from aethermodel.report.html.prose import prose
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.target import Outcome


def store(folder, sizes=(10, 100), repeats=4, code="c", factor=lambda job: 1.0, **more):
    """A store whose points take `factor` times a microsecond, a per cent more each repeat."""
    axes = {"batch_size": list(sizes)} | more
    sweep = Sweep(probe="kernel", parameters=axes, repeats=repeats)

    def outcome(job):
        seconds = 1e-6 * factor(job) * (1 + 0.01 * job.repeat)
        return Outcome(state="done", seconds=0.1, samples=[{"seconds": seconds, "noisy": False}])

    conditions = CONDITIONS.model_copy(update={"code": code * 64})
    write_store(folder, sweep, outcome, conditions)
    return folder


def at(n, times):
    return lambda job: times if job.parameters["batch_size"] == n else 1.0


def test_what_moved_is_told_from_what_did_not(tmp_path):
    a = store(tmp_path / "a")
    b = store(tmp_path / "b", code="d", factor=at(100, 2))
    found = diff(load_source(a), load_source(b))
    assert dict(zip(found.table["point"], found.table["outcome"], strict=True)) == {
        "batch_size=10": "no change seen",
        "batch_size=100": "lower",
    }
    assert found.table["ratio"][1] == pytest.approx(0.5)
    assert (found.table["low"] <= found.table["ratio"]).all()
    assert found.verdict == "worse"
    facts = found.facts().set_index("fact")["is"]
    assert (facts["code"], facts["host"]) == ("differs", "same")
    page = diff_html(found)
    assert "B is worse than A" in page
    assert "<script" not in page


def test_points_are_named_by_what_tells_them_apart(tmp_path):
    """The shipped sweep's names took two lines each: all of its points have one loop and topics."""
    a, b = (store(tmp_path / name, topics=[4]) for name in "ab")
    found = diff(load_source(a), load_source(b))
    assert found.table["point"].tolist() == ["batch_size=10", "batch_size=100"]
    assert found.shared == "topics=4"
    one = diff(*(load_source(store(tmp_path / name, sizes=(10,), topics=[4])) for name in "cd"))
    assert one.table["point"].tolist() == ["batch_size=10 topics=4"] and not one.shared


def test_where_the_interval_spans_ten_times_a_change_cannot_be_told(tmp_path):
    """Of 0.019 to 30.9 times it said that no change was seen."""

    def wild(job):
        return 20.0 if job.parameters["batch_size"] == 100 and job.repeat == 1 else 1.0

    a = store(tmp_path / "a", repeats=3)
    found = diff(load_source(a), load_source(store(tmp_path / "b", repeats=3, factor=wild)))
    assert dict(zip(found.table["point"], found.table["outcome"], strict=True)) == {
        "batch_size=10": "no change seen",
        "batch_size=100": "cannot tell",
    }


def test_too_few_repeats_and_points_of_one_side_are_said(tmp_path):
    a = store(tmp_path / "a", sizes=(10, 20), repeats=1)
    b = store(tmp_path / "b", sizes=(10, 30), repeats=1, factor=at(10, 2))
    found = diff(load_source(a), load_source(b))
    assert list(found.table["outcome"]) == ["too few repeats"]
    assert (found.only_a, found.only_b) == (["batch_size=20"], ["batch_size=30"])
    assert found.verdict == "cannot tell"
    page = diff_html(found)
    assert "one repeat does not tell a change from chance" in page
    assert "only in B: batch_size=30" in page


def noisy(seed, times=1.0, noise=0.05, block=0.01):
    """Log-normal noise of each run, and of each repeat as a whole."""
    rng = random.Random(seed)
    blocks = [rng.gauss(0, block) for _ in range(9)]
    return lambda job: times * math.exp(rng.gauss(0, noise) + blocks[job.repeat])


def test_what_could_be_hidden_is_what_the_interval_holds(tmp_path):
    a = store(tmp_path / "a", repeats=2, factor=noisy(1, noise=0.2))
    b = store(tmp_path / "b", repeats=2, factor=noisy(2, noise=0.2))
    found = diff(load_source(a), load_source(b))
    assert found.verdict == "cannot tell"
    (hidden,) = re.findall(r"a change of (\d+) % could be hidden", why(found))
    reach = max(found.whole.high - 1, 1 - found.whole.low)
    assert int(hidden) == round(100 * reach) > 10


TEN = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_a_run_a_quarter_slower_is_worse_by_the_repeats_that_the_shipped_sweep_has(
    repeats, tmp_path
):
    a = load_source(store(tmp_path / "a", sizes=TEN, repeats=repeats, factor=noisy(1)))
    slow = store(tmp_path / "b", sizes=TEN, repeats=repeats, factor=noisy(2, times=1.25))
    found, back = diff(a, load_source(slow)), diff(load_source(slow), a)
    assert (found.verdict, back.verdict) == ("worse", "better")
    assert found.whole.value == pytest.approx(0.8, rel=0.05)
    assert found.whole.low < 0.85 and 0.78 < found.whole.high < 0.95
    assert [int(point.partition("=")[2]) for point in found.table["point"]] == list(TEN)


def test_a_run_of_the_very_same_figures_is_the_same(tmp_path):
    a, b = store(tmp_path / "a", sizes=TEN), store(tmp_path / "b", sizes=TEN)
    assert diff(load_source(a), load_source(b)).verdict == "same"


def sides(seed, times=1.0, points=20, repeats=3, noise=0.05, block=0.02):
    rng = np.random.default_rng(seed)
    middle = np.exp(rng.normal(15, 2, points))
    made = []
    for factor in (1.0, times):
        scatter = rng.normal(0, block, repeats) + rng.normal(0, noise, (points, repeats))
        made.append([dict(enumerate(row)) for row in middle[:, None] * np.exp(scatter) / factor])
    return made


MORE = pytest.mark.slow(reason="coverage once more, for other shapes of a sweep")


def judged(a, b, better=1):
    return verdict(pooled(a, b), of_each(a, b), better)


@pytest.mark.parametrize(
    ("noise", "block", "points", "repeats"),
    [
        (0.05, 0.02, 20, 3),
        (0.03, 0, 1, 6),
        pytest.param(0.05, 0.0, 20, 3, marks=MORE),
        pytest.param(0.2, 0.0, 10, 5, marks=MORE),
        pytest.param(0.1, 0.05, 6, 8, marks=MORE),
    ],
)
def test_unchanged_runs_are_called_different_in_at_most_a_twentieth(noise, block, points, repeats):
    shape = {"noise": noise, "block": block, "points": points, "repeats": repeats}
    seen = [judged(*sides(seed, **shape)) for seed in range(1_000)]
    assert sum(one in ("better", "worse") for one in seen) <= 50


def test_a_quarter_slower_is_worse_in_nearly_every_pair():
    seen = [judged(*sides(seed, times=1.25)) for seed in range(200)]
    assert seen.count("worse") >= 195
    assert "better" not in seen


@given(st.integers(0, 2**32), st.floats(0.5, 2.0))
def test_a_verdict_turns_over_with_its_sides(seed, times):
    a, b = sides(seed, times)
    turned = {"better": "worse", "worse": "better"}
    there, back = judged(a, b), judged(b, a)
    moves = {ratio.direction for ratio in (pooled(a, b), *of_each(a, b))}
    if not {1, -1} <= moves:  # with moves either way both sides have something worse
        assert back == turned.get(there, there)
    lower_is_better = judged(a, b, better=-1)
    assert lower_is_better == back or {1, -1} <= moves


def test_where_nobody_knows_what_is_better_nothing_is_judged():
    assert judged(*sides(1, times=2.0), better=None) == "cannot tell"


def test_what_cannot_be_compared_is_one_clear_line(tmp_path):
    a = load_source(store(tmp_path / "a"))
    with pytest.raises(ValueError, match="no finished point in common"):
        diff(a, load_source(store(tmp_path / "b", sizes=(7,))))
    (tmp_path / "figures.txt").touch()
    with pytest.raises(ValueError, match=r"figures\.txt: line 1: an empty file"):
        load_source(tmp_path / "figures.txt")
    with pytest.raises(ValueError, match=r"none\.txt: no such file or folder"):
        load_source(tmp_path / "none.txt")


@pytest.mark.parametrize("command", [("diff",), ("report", "diff")])
def test_the_command_ends_with_1_where_the_run_is_worse(command, tmp_path):
    a = store(tmp_path / "a", sizes=(100, 10), repeats=3)
    b = store(tmp_path / "b", sizes=(100, 10), repeats=3, factor=lambda _: 1.25)
    words = [*command, str(a), str(b), "-o", str(tmp_path / "d.html")]
    ran = aether(*words, "--json", "-")
    figures = json.loads(ran.stdout)
    assert (ran.returncode, figures["verdict"], figures["moved"]) == (1, "worse", 2)
    assert [p["point"] for p in figures["points"]] == ["batch_size=100", "batch_size=10"]
    assert [p["outcome"] for p in figures["points"]] == ["lower", "lower"]
    assert (tmp_path / "d.html").is_file()
    again = aether(*words)
    assert again.returncode == 2
    assert "d.html exists: replace it by --force" in again.stderr
    shown = aether(*words, "--force")
    assert shown.returncode == 1
    assert "WORSE: over 2 points the throughput of kernel is 0.800 times A's" in shown.stdout
    back = aether(*command, str(b), str(a), *words[-2:], "--force")
    assert back.returncode == 0
    assert "BETTER" in back.stdout


def test_the_page_has_units_and_checksums_that_one_can_read(tmp_path):
    a, b = (store(tmp_path / name, code=name) for name in "ab")
    page = diff_html(diff(load_source(a), load_source(b)))
    assert "msg/s</td>" in page.partition("Data behind")[2]  # A and B were bare figures
    assert "a" * 12 in page and "a" * 13 not in page
    assert ">differs<" in page  # held against each other whole


def test_no_line_ends_within_an_option():
    assert prose("with more --repeats, or `-n 5`") == (
        'with more <span class="ae-whole">--repeats</span>, or '
        '<code><span class="ae-whole">-n</span> 5</code>'
    )
    assert prose("5 - 3, x-, 2 -1") == "5 - 3, x-, 2 -1"
