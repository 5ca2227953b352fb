"""Slices of a sample: cut from calls or from laps, and what of them was disturbed."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.measure.sampling import Plan, Point
from aethermodel.measure.settling import settled
from aethermodel.measure.slices import Lap, Lapped, sliced, undisturbed
from aethermodel.measure.worker import sample


@given(st.integers(1, 10_000), st.integers(1, 50))
def test_an_operation_is_run_once_a_slice_and_no_more_often_than_asked(loops, slices):
    asked = []

    def timed(count):
        asked.append(count)
        return 3e-6 * count

    assert sliced(timed, loops, slices) == pytest.approx([3e-6] * slices)
    assert sum(asked) <= max(loops, slices)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 20))
def test_laps_fall_into_slices_whole_and_in_order(counts, slices):
    """Each operation takes as long as its place says: no slice mixes what was far apart."""
    laps, place = [], 0
    for count in counts:
        laps.append(Lap(count, float(sum(range(place, place + count)))))
        place += count
    found = sliced(Lapped(lambda _: laps), place, slices)
    assert 1 <= len(found) <= min(slices, len(laps))
    assert found == sorted(found)
    if slices == 1:
        assert found == pytest.approx([(place - 1) / 2])


def test_a_stream_takes_as_long_as_its_laps():
    stream = Lapped(lambda loops: [Lap(2, 2e-6)] * (loops // 2))
    assert stream(7) == pytest.approx(7e-6)  # it may run one lap less than was asked for


calm = st.lists(st.floats(1.0, 1.1), min_size=3, max_size=20)


@given(calm, st.randoms())
def test_what_neighbours_slow_down_is_left_out(seconds, random):
    slow = [1.9] * ((len(seconds) - 1) // 2)
    mixed = seconds + slow
    random.shuffle(mixed)
    assert undisturbed(mixed)[0] == undisturbed(seconds)[0]
    assert undisturbed(mixed)[1] == pytest.approx(len(slow) / len(mixed))
    assert undisturbed(seconds)[1] == 0


def test_a_single_slice_is_itself():
    assert undisturbed([0.25]) == (0.25, 0)


@pytest.mark.parametrize("slices", [1, 4])
def test_a_sample_says_how_much_of_it_was_disturbed(slices):
    plan = Plan(
        points=(Point(probe="ffi"),), processes=1, repeats=2, sample_seconds=0.0004, slices=slices
    )
    rows = list(sample(plan, 0))
    assert sum(row["final"] for row in rows) == 2
    for row in rows:
        assert row["seconds"] > 0
        assert 0 <= row["contended"] < 1
        assert slices > 1 or row["contended"] == 0
        assert slices == 1 or row["noisy"] or row["contended"] <= 0.5  # or the core was shared
        assert row["core_seconds"] > 0 if slices > 1 else math.isnan(row["core_seconds"])
        assert math.isnan(row["trip_seconds"])  # it crosses to no other core


def _rows(core, process=(0, 1, 0, 1), noisy=False, trip=math.nan):
    return pd.DataFrame(
        {
            "probe": "kernel",
            "batch_size": 8,
            "calls": float("nan"),  # a setting that this probe has not
            "process": process,
            "core_seconds": core,
            "trip_seconds": trip,
            "noisy": noisy,
            "final": True,
        }
    )


def test_what_a_shared_core_gave_is_left_out_where_enough_is_left():
    found = settled(_rows([1.0, 1.9, 1.1, 1.2]))
    assert found["final"].tolist() == [True, False, True, True]
    assert found["noisy"].tolist() == [False, True, False, False]


def test_what_was_taken_on_cores_moved_apart_is_left_out():
    found = settled(_rows([1.0] * 4, trip=[100e-9, 380e-9, 170e-9, 90e-9]))
    assert found["final"].tolist() == [True, False, True, True]
    assert found["apart"].tolist() == found["noisy"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "rows",
    [
        _rows([1.0, 1.9, 1.9, 1.0]),  # two are not enough
        _rows([1.0, 1.9, 1.0, 1.0], process=(0, 1, 0, 0)),  # all of one process
    ],
)
def test_a_point_with_too_few_calm_samples_keeps_all(rows):
    found = settled(rows)
    assert found["final"].all()
    assert found["noisy"].sum() == (rows["core_seconds"] > 1.5).sum()


def test_each_point_is_settled_by_itself():
    busy = _rows([1.9, 1.9, 1.9, 1.0]).assign(batch_size=16)
    both = settled(pd.concat([_rows([1.0, 1.0, 1.0, 1.9]), busy], ignore_index=True))
    assert both["final"].tolist() == [True, True, True, False, *[True] * 4]


def _points(*tables):
    sizes = [table.assign(batch_size=8 + i) for i, table in enumerate(tables)]
    return settled(pd.concat(sizes, ignore_index=True))


CALM = _rows([1.0, 1.1, 1.0, 1.1])


def test_a_point_that_lacks_what_most_have_keeps_what_was_taken_nearest_to_calm():
    few = _rows([1.9, 1.0, 1.4, 1.7, 1.3], process=(0, 1, 0, 1, 0))
    found = _points(CALM, few, CALM)
    assert found["final"].tolist() == [*[True] * 4, False, True, True, False, True, *[True] * 4]
    assert found["noisy"].sum() == 4  # which two of those kept are, all the same


def test_what_was_preempted_is_no_nearer_than_what_was_calm():
    few = _rows([1.0, 1.0, 1.1, 1.2], noisy=[True, False, False, True], process=[0] * 4)
    found = _points(CALM, few, CALM)
    assert found["final"].tolist()[4:8] == [True, True, True, False]


def test_where_few_are_calm_all_are_kept():
    busy = _rows([1.9, 1.0, 1.9, 1.9])
    assert _points(CALM, busy, busy)["final"].all()


def test_points_that_look_at_both_cores_are_told_from_others():
    busy = _rows([1.9, 1.0, 1.9, 1.9]).assign(both_cores=True)
    calm = CALM.assign(both_cores=False)
    assert _points(calm, calm, calm, busy)["final"].all()
