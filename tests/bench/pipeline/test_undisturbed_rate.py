"""Undisturbed rate of a row: from the slices that nobody disturbed alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel import thresholds
from aethermodel.bench.pipeline.undisturbed_rate import left_alone

NEAR = 100e-9


def run(row, *slices, trip=NEAR):
    return {"row": row, "slices": [list(each) for each in slices], "slices_trip_seconds": trip}


def test_slices_beside_a_slow_idle_loop_and_far_cores_are_left_out():
    runs = [
        run(0, *[(300.0, 1.0)] * 25, *[(900.0, 2.0)] * 75),
        run(0, *[(10.0, 1.0)] * 100, trip=1.01 * thresholds.CORES_APART * NEAR),
        run(1, *[(7.0, 1.0)] * 19),
        run(2, *[(9.0, 1.0)] * 30, *[(1.0, 2.0)] * 300),
    ]
    found = left_alone(runs)
    assert found.loc[0].tolist() == [300.0, 25 / 200]
    assert math.isnan(found.at[1, "alone_per_second"]) and found.at[1, "alone_share"] == 1
    assert math.isnan(found.at[2, "alone_per_second"])  # calm is the exception there
    assert found.at[2, "alone_share"] == pytest.approx(1 / 11)
    assert not any("slices" in each for each in runs)


@given(
    st.lists(
        st.tuples(st.floats(1, 1e9), st.floats(1.0, thresholds.SHARED_CORE)),
        min_size=20,
        max_size=60,
    )
)
def test_where_all_is_calm_all_counts(slices):
    slices += [(5.0, 1.0)]
    found = left_alone([run(0, *slices, trip=math.nan)])  # in one process no way is looked at
    rates = sorted(rate for rate, _ in slices)
    middle = (rates[(len(rates) - 1) // 2] + rates[len(rates) // 2]) / 2
    assert found.at[0, "alone_per_second"] == pytest.approx(middle)
    assert found.at[0, "alone_share"] == 1


def test_runs_without_slices_say_nothing():
    assert left_alone([{"row": 0}, {"row": 1, "slices": [], "slices_trip_seconds": NEAR}]).empty
