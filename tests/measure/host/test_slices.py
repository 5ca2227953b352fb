"""Slices of a sample: cut from calls or from a stream, and what of them was disturbed."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel import thresholds
from aethermodel.measure.host import slices as slices_module
from aethermodel.measure.host.slices import Slice, Slices, Stream, sliced, undisturbed
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sampler import Plan, Point
from aethermodel.measure.sampling.worker import sample


@given(st.integers(1, 10_000), st.integers(1, 50))
def test_an_operation_is_run_once_a_slice_and_no_more_often_than_asked(loops, slices):
    asked = []

    def timed(count):
        asked.append(count)
        return 3e-6 * count

    found = sliced(timed, loops, slices)
    assert [each.loops for each in found] == asked and len(asked) == slices
    assert [each.seconds / each.loops for each in found] == pytest.approx([3e-6] * slices)
    assert sum(asked) <= max(loops, slices)


def test_what_comes_out_below_zero_is_a_slice_all_the_same():
    """A figure may be a difference of two times."""
    assert [each.seconds for each in sliced(lambda count: -1e-6 * count, 8, 4)] == [-2e-6] * 4


stretches = st.lists(st.tuples(st.integers(1, 9), st.floats(1e-5, 2e-3)), min_size=1, max_size=60)


@given(stretches, st.lists(st.floats(1e-6, 1e-4), min_size=130, max_size=130))
def test_a_stream_is_cut_where_a_slice_is_full_and_nothing_of_it_is_lost(parts, looks):
    with pytest.MonkeyPatch.context() as patch:
        shown = iter(looks)
        patch.setattr(slices_module, "glance", lambda: next(shown))
        cut = Slices(0.001)
        for loops, seconds in parts:
            cut.add(loops, seconds)
        found = cut.end()
    assert sum(each.loops for each in found) == sum(loops for loops, _ in parts)
    assert sum(each.seconds for each in found) == pytest.approx(sum(s for _, s in parts))
    assert all(each.seconds >= 0.001 for each in found[:-1]) and (
        len(found) == 1 or found[-1].seconds >= 0.001
    )
    # Each is between two looks, and the slower one is its own; the last may have a third.
    for i, each in enumerate(found[:-1]):
        assert each.core_seconds == max(looks[i], looks[i + 1])
    assert found[-1].core_seconds >= max(looks[len(found) - 1], looks[len(found)])


@given(st.lists(st.tuples(st.floats(1, 9), st.floats(1, 3)), min_size=1, max_size=30))
def test_beside_the_calm_slices_stands_what_all_of_them_took(parts):
    found = undisturbed(_slices(*parts))
    assert found.seconds_all == pytest.approx(sum(seconds for seconds, _ in parts) / len(parts))


def test_nothing_timed_is_no_slice():
    assert Slices().end() == []


def test_a_stream_takes_as_long_as_its_slices():
    stream = Stream(lambda loops: [Slice(2, 2e-6, 1.0)] * (loops // 2))
    assert stream(7) == pytest.approx(7e-6)  # it may run one operation less than was asked for


def _slices(*pairs):
    return [Slice(10, 10 * seconds, core) for seconds, core in pairs]


calm = st.lists(
    st.tuples(st.floats(1.0, 9.0), st.floats(1.0, thresholds.SHARED_CORE)), min_size=2, max_size=20
)


@given(calm, st.lists(st.floats(0.1, 100), max_size=20), st.randoms())
def test_what_a_busy_core_gave_is_left_out_whatever_it_was(found, slow, random):
    """Also where it looks faster: what the operation took must not decide."""
    mixed = _slices(*found, *((seconds, 1.01 * thresholds.SHARED_CORE) for seconds in slow))
    random.shuffle(mixed)
    alone = undisturbed(_slices(*found), best=1.0)
    assert undisturbed(mixed, best=1.0)[:2] == alone[:2]
    assert undisturbed(mixed, best=1.0).contended == pytest.approx(len(slow) / len(mixed))
    assert alone.contended == 0


def test_the_best_that_was_ever_seen_decides():
    found = _slices((1.0, 1.0), (3.0, 1.0), (9.0, 1.5))
    assert undisturbed(found)[:3] == (2.0, 1.0, pytest.approx(1 / 3))
    assert undisturbed(found, best=0.7)[:3] == (
        3.0,
        1.0,
        1.0,
    )  # none is calm: all say what they can
    assert undisturbed(found, best=2.0) == undisturbed(found)


def test_one_calm_slice_among_many_is_chance():
    assert undisturbed(_slices((1.0, 1.0), (3.0, 2.0), (4.0, 2.0)))[:3] == (3.0, 2.0, 1.0)


def test_a_single_slice_is_itself():
    assert undisturbed([Slice(1, 0.25, 1.0)])[:3] == (0.25, 1.0, 0)


@pytest.mark.parametrize("slices", [1, 4])
def test_a_sample_says_how_much_of_it_was_disturbed(slices):
    plan = Plan(
        points=(Point(probe="ffi"),), processes=1, repeats=2, sample_seconds=0.0004, slices=slices
    )
    rows = list(sample(plan, 0))
    assert sum(row["final"] for row in rows) == 2
    for row in rows:
        assert row["seconds"] > 0
        assert 0 <= row["contended"] <= 1
        assert slices > 1 or row["contended"] == 0
        assert slices == 1 or row["noisy"] or row["contended"] < 1
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
    found = reject_disturbed(_rows([1.0, 1.9, 1.1, 1.2]))
    assert found["final"].tolist() == [True, False, True, True]
    assert found["noisy"].tolist() == [False, True, False, False]


def test_what_was_taken_on_cores_moved_apart_is_left_out():
    found = reject_disturbed(_rows([1.0] * 4, trip=[100e-9, 380e-9, 170e-9, 90e-9]))
    assert found["final"].tolist() == [True, False, True, True]
    assert found["apart"].tolist() == found["noisy"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (_rows([1.0, 1.9, 1.8, 1.0]), [True, False, True, True]),  # two are not enough
        # All of one process: they are the nearest all the same.
        (_rows([1.0, 1.9, 1.0, 1.0], process=(0, 1, 0, 0)), [True, False, True, True]),
        (_rows([1.9, 1.0, 1.0], process=(0, 1, 0)), [True] * 3),
    ],
)
def test_a_point_with_too_few_calm_samples_keeps_three(rows, kept):
    found = reject_disturbed(rows)
    assert found["final"].tolist() == kept
    assert found["noisy"].sum() == (rows["core_seconds"] > 1.5).sum()


def test_each_point_is_settled_by_itself():
    busy = _rows([1.7, 1.9, 1.8, 1.0]).assign(batch_size=16)
    both = reject_disturbed(pd.concat([_rows([1.0, 1.0, 1.0, 1.9]), busy], ignore_index=True))
    assert both["final"].tolist() == [True, True, True, False, True, False, True, True]


def test_batches_checked_as_they_are_routed_are_a_point_of_their_own():
    apart, fused = (_rows([3.0, 1.9, 1.8, 1.0]).assign(routed=one) for one in (False, True))
    found = reject_disturbed(pd.concat([apart, fused], ignore_index=True))
    assert found["final"].tolist() == [False, True, True, True] * 2


def _points(*tables):
    sizes = [table.assign(batch_size=8 + i) for i, table in enumerate(tables)]
    return reject_disturbed(pd.concat(sizes, ignore_index=True))


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


def test_a_stream_is_timed_from_release_to_release(monkeypatch):
    """The first release begins it; what noting one takes is not timed."""
    clock = iter([10_000_000, 12_000_000, 14_500_000])
    monkeypatch.setattr("cython_core.now_ns", lambda: next(clock))
    releases = slices_module.Releases()
    for at_ns in (9_000_000, 11_500_000, 12_300_000):
        releases(at_ns)
    assert [each[:2] for each in releases.end()] == [(2, pytest.approx(1.8e-3))]
