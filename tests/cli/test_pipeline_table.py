"""Table of the pipeline's benchmark: an error that is not known is said to be so."""

from math import nan

import pytest

from aethermodel.cli.bench.pipeline import error_text

CALM = {
    "calm": 5,
    "runs": 5,
    "alone_per_second": nan,
    "predicted_low": 0.9e8,
    "predicted_high": 1.1e8,
    "error": 0.031,
}
DISTURBED = CALM | {"calm": 1, "error": 7.72}


@pytest.mark.parametrize(
    ("row", "repeats", "words"),
    [
        (CALM, 5, "+3.1 %"),
        (CALM | {"calm": 3}, 5, "+3.1 %"),
        # One calm run of five, on a busy host: it read +772 %.
        (DISTURBED, 5, "cannot be told"),
        (DISTURBED | {"alone_per_second": 1e8, "error": -0.02}, 5, "\N{MINUS SIGN}2.0 %"),
        (CALM | {"calm": 1, "runs": 1}, 1, "+3.1 %"),  # nobody asked for more
        # The budget gave it two runs of the five asked for: both calm, one of them, one alone.
        (CALM | {"calm": 2, "runs": 2}, 5, "+3.1 %"),
        (CALM | {"calm": 2, "runs": 3}, 5, "cannot be told"),
        (CALM | {"calm": 1, "runs": 2}, 5, "cannot be told"),
        (CALM | {"calm": 1, "runs": 1}, 5, "cannot be told"),
        (CALM | {"calm": 0, "runs": 1, "error": nan}, 1, "cannot be told"),
        (CALM | {"predicted_low": 1e6}, 5, "cannot be told"),
        # What was measured well and predicted well is off as far as it is.
        (CALM | {"error": 7.72}, 5, "+772 %"),
    ],
)
def test_an_error_is_told_where_both_sides_are_known(row, repeats, words):
    assert error_text(row, repeats) == words
