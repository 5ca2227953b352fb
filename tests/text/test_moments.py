"""Moments as they are read: a day and a time in UTC, whatever zone they were written in."""

import pytest

from aethermodel.text.moments import moment, period


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-30T08:34:59+00:00", "2026-11-30 08:34:59 UTC"),
        ("2026-11-30T08:34:59.946+02:00", "2026-11-30 06:34:59 UTC"),
        ("2026-11-30T08:34:59", "2026-11-30 08:34:59 UTC"),
        ("last week", "last week"),
    ],
)
def test_a_moment_is_written_for_reading(text, words):
    assert moment(text) == words


def test_a_period_says_the_day_once():
    early, late = "2026-11-30T08:41:14.946+00:00", "2026-11-30T08:41:24.094+00:00"
    assert period(early, late) == "2026-11-30 08:41:14 to 08:41:24 UTC"
    assert period(early, early) == "2026-11-30 08:41:14 UTC"
    night = "2026-12-01T01:00:00+00:00"
    assert period(early, night) == "2026-11-30 08:41:14 UTC to 2026-12-01 01:00:00 UTC"
    assert period("once", late) == "once to 2026-11-30 08:41:24 UTC"


@pytest.mark.parametrize("text", ["2026-11-30", "20261130", "0001-01-01T00:00:00+02:00", "soon"])
def test_what_is_no_moment_stays_as_it_is(text):
    """A day has no time of day, and one before the calendar's first is of no zone."""
    assert moment(text) == text
