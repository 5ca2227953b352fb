"""Times in words: one unit sign, one minus sign, wherever a command or a report says one."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aethermodel
from aethermodel.report.engineering_notation import engineering
from aethermodel.text.times import duration, microseconds


@pytest.mark.parametrize(
    ("seconds", "digits", "signed", "words"),
    [
        (1.2345e-3, 0, False, "1,234 µs"),
        (1.5e-7, 2, False, "0.15 µs"),
        (1.2e-7, 2, True, "+0.12 µs"),
        (-3.5e-6, 1, True, "−3.5 µs"),
        (-3.5e-6, 1, False, "−3.5 µs"),
    ],
)
def test_microseconds(seconds, digits, signed, words):
    assert microseconds(seconds, digits, signed=signed) == words


@given(st.floats(0, 1e6))
def test_a_duration_reads_the_same_in_a_command_and_in_a_report(seconds):
    assert duration(seconds) == engineering(seconds, "s")


def test_no_figure_is_followed_by_a_u_in_place_of_a_micro_sign():
    sources = sorted(Path(aethermodel.__file__).parent.rglob("*.py"))
    assert len(sources) > 300
    assert not [
        source.name for source in sources if re.search(r"} us\b", source.read_text("utf-8"))
    ]
