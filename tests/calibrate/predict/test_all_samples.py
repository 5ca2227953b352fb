"""The rate over all samples, and the share that a headline leaves out."""

import numpy as np
import pandas as pd
import pytest

from aethermodel.calibrate.predict.all_samples import all_samples, left_out


def samples(**columns):
    return pd.DataFrame({"batch_size": 10, "loops": 1.0, "final": True, **columns})


def test_all_operations_over_all_the_time_and_what_was_left_out():
    given = samples(
        seconds=[1e-6, 1e-6, 9e-6],
        seconds_all=[2e-6, 1e-6, 9e-6],
        loops=[100, 300, 100],
        contended=[0.5, 0.0, 1.0],
        final=[True, True, False],
    )
    found = all_samples(given, ["batch_size"]).loc[10]
    assert found["seconds_all"] == pytest.approx((200 + 300 + 900) / 500 * 1e-6)
    # Half of the first, none of the second, the third altogether: it was taken again.
    assert found["share_left_out"] == pytest.approx(0.5)


def test_a_sample_without_calm_slices_that_counts_leaves_none_of_them_out():
    given = samples(seconds=[1e-6], seconds_all=[1e-6], contended=[1.0])
    assert all_samples(given, ["batch_size"]).loc[10, "share_left_out"] == 0


def test_what_was_saved_before_counts_by_what_it_has():
    given = pd.DataFrame({"batch_size": [1, 1, 2], "seconds": [1.0, 3.0, 5.0]})
    found = all_samples(given, ["batch_size"])
    assert found["seconds_all"].tolist() == [2.0, 5.0]
    assert found["share_left_out"].tolist() == [0, 0]
    mixed = samples(seconds=[1.0, 3.0], seconds_all=[np.nan, 5.0])
    assert all_samples(mixed, ["batch_size"]).loc[10, "seconds_all"] == 3.0


def test_in_words_both_stand_there():
    assert left_out(200e6, 0.0) == "200 M msg/s over all samples; none of their time is left out"
    assert left_out(200e6, 0.39) == (
        "200 M msg/s over all samples; "
        "39 % of their time was disturbed and is left out of the first figure"
    )


def test_a_median_beside_a_rate_that_interruptions_lowered_is_explained():
    """395 M msg/s stood beside 132, of which "none is left out": a pause is one slice of many."""
    assert left_out(132e6, 0.0, headline=395e6) == (
        "132 M msg/s over all samples; none of their time is left out, but 67 % of it went to "
        "interruptions, which the median of slices does not show"
    )
    # What was left out explains the rest: half of the slices, at no rate at all.
    assert "interruptions" not in left_out(200e6, 0.5, headline=400e6)
    assert left_out(100e6, 0.5, headline=400e6).endswith(
        "50 % of their time was disturbed and is left out of the first figure, and 50 % of the "
        "rest went to interruptions, which its median of slices does not show"
    )
    assert "interruptions" not in left_out(380e6, 0.0, headline=400e6)
    assert "interruptions" not in left_out(0.0, 1.0, headline=400e6)
