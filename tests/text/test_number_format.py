"""Figures for reading: sizes without an exponent, and judged ones apart from their limit."""

import math

import pytest

from aethermodel.text.number_format import size_text, told_from, unbroken
from aethermodel.text.percentages import percent, percentage


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1e6, "1,000,000"),
        (12_345_678.4, "12,345,678"),
        (2.9593, "2.96"),
        (93.08, "93.1"),
        (1538.7, "1,539"),
        (0.0, "0"),
        (5.02e-35, "0"),
        (0.25, "0.250"),
        (math.inf, "unbounded"),
    ],
)
def test_a_size_has_no_exponent_and_no_digits_of_chance(size, words):
    assert size_text(size) == words


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [(0.896, 0.9, "89.6 %"), (0.89996, 0.9, "89.996 %"), (0.9, 0.9, "90 %"), (0.52, 0.9, "52 %")],
)
def test_what_misses_its_limit_does_not_read_as_the_limit(value, limit, words):
    assert told_from(value, limit, percentage, 0) == words


def test_an_interval_that_excludes_nothing_does_not_begin_at_it():
    assert told_from(0.00031, 0, percent, 1) == "+0.03 %"
    assert told_from(0.0, 0, percent, 1) == "0.0 %"


def test_a_size_that_is_no_number_is_unknown_and_one_without_end_unbounded():
    assert (size_text(float("nan")), size_text(float("inf"))) == ("unknown", "unbounded")
    # The end of an interval had 222 digits, and the page was as wide as they are.
    assert size_text(3.04e221) == "unbounded"
    assert size_text(1e15) == "1,000,000,000,000,000"


def test_figures_that_no_digit_tells_apart_are_written_short():
    assert told_from(1 + 1e-9, 1.0, lambda value, digits: f"{value:.{digits}f}", 1) == "1.0"


@pytest.mark.parametrize(
    ("text", "glued"),
    [
        ("claimed: 81.9 M msg/s here", "claimed: 81.9~M~msg/s here"),
        ("1.72 M batch_size/s (1.71 to 1.75", "1.72~M~batch_size/s (1.71 to 1.75"),
        ("of it: +8 % rate", "of it: +8~% rate"),
        ("what the wire carries, 1 / G.", "what the wire carries, 1~/~G."),
        ("over 25.0 Gbit/s in 3.00 µs", "over 25.0~Gbit/s in 3.00~µs"),
        ("36.7 to 45.0 ns/call", "36.7 to 45.0~ns/call"),
        ("at N = 1,000 it", "at N~=~1,000 it"),
        ("10 points of 3 M others", "10 points of 3 M others"),
        ("1 server in 2 stations", "1 server in 2 stations"),
    ],
)
def test_a_figure_stays_beside_its_unit_with_its_prefix(text, glued):
    assert unbroken(text) == glued.replace("~", "\N{NO-BREAK SPACE}")
