"""Thresholds: every threshold once, and every figure judged by it."""

import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aethermodel import thresholds
from aethermodel.order_statistics import median_interval
from aethermodel.verdict import judge, judge_whole, worst

SOURCES = sorted((Path(__file__).parents[1] / "aethermodel").rglob("*.py"))
figures = st.floats(0, 2)


def test_every_constant_says_why():
    for before, line in pairwise(Path(thresholds.__file__).read_text().splitlines()):
        if re.match(r"[A-Z_0-9, ]+ = ", line):
            assert before.startswith("#:"), line


def test_no_function_has_a_confidence_level_of_its_own():
    for path in SOURCES:
        text = path.read_text()
        own = re.findall(r"\blevel: float = [0-9.]+", text)
        assert not own, path


def test_as_many_repeats_hold_a_median_as_are_asked_for():
    repeats = range(thresholds.REPEATS_FOR_INTERVAL)
    assert median_interval(list(repeats)).chance >= thresholds.LEVEL
    assert median_interval(list(repeats)[1:]).chance < thresholds.LEVEL
    assert median_interval(range(thresholds.REPEATS_FOR_VERDICT)).one_sided >= thresholds.LEVEL
    assert median_interval(range(thresholds.REPEATS_FOR_VERDICT - 1)).one_sided < thresholds.LEVEL


@given(figures, figures, figures, st.booleans(), st.booleans())
def test_a_miss_is_certain_or_inconclusive(one, two, limit, at_least, disturbed):
    low, high = sorted((one, two))
    value = (low + high) / 2
    outcome = judge(value, low, high, limit, at_least=at_least, disturbed=disturbed)
    whole = judge_whole(low, high, limit, at_least=at_least)
    met = value >= limit if at_least else value <= limit
    assert (outcome == "pass") == met
    assert (outcome == "fail") == (whole == "fail" and not disturbed and not met)
    assert outcome == "pass" or whole != "pass"


def test_the_worst_of_several_counts():
    assert worst([]) == worst(["pass"]) == "pass"
    assert worst(["pass", "inconclusive"]) == "inconclusive"
    assert worst(["inconclusive", "fail", "pass"]) == "fail"
