"""Catch-up: batches that a host's pauses hold up, against queues that are served plainly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.catch_up import held_up, held_up_in_batches, pace_with_losses
from aethermodel.model.queueing.host_pace import HostPace

BATCHES = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.1, 2), st.sampled_from([0.0, 0.0, 0.0, 1.5])),
    min_size=1,
    max_size=40,
)


def served(due, seconds):
    free, done = 0.0, []
    for at, each in zip(due, seconds, strict=True):
        free = max(free, at) + each
        done.append(free)
    return np.array(done)


@given(BATCHES)
def test_what_is_lost_holds_up_all_until_the_queue_is_empty(batches):
    gaps, seconds, lost = map(np.array, zip(*batches, strict=True))
    due = np.cumsum(gaps)
    done = served(due, seconds + lost)
    debt, found = 0.0, []
    for index, at in enumerate(due):
        if index and done[index - 1] <= at:
            debt = 0.0
        debt += lost[index]
        found.append(debt)
    assert held_up(due, done, lost) == pytest.approx(np.array(found), abs=1e-9)
    # Never less than what they were held up by: those of nobody are as without any loss.
    late = done - served(due, seconds)
    assert (held_up(due, done, lost) >= late - 1e-9).all()


def test_of_no_batch_nothing_is_held_up():
    assert held_up(np.zeros(0), np.zeros(0), np.zeros(0)).size == 0


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 0.5)), min_size=1, max_size=40))
def test_what_looks_saw_to_be_lost_is_lost_by_then(looks):
    seconds, lost = map(np.array, zip(*looks, strict=True))
    at = np.concatenate([[5.0], 5 + np.cumsum(seconds)])
    pace = pace_with_losses(at, lost)
    gone = (1 - pace.speeds) * np.diff(at)
    assert ((gone >= -1e-9) & (gone <= np.diff(at) + 1e-9)).all()
    # From each look on no more is lost than is said later; in all, what there was room for.
    after = np.cumsum(lost[::-1])[::-1]
    assert (np.cumsum(gone[::-1])[::-1] <= after + 1e-9).all()
    room = 0.0
    for second, one in zip(seconds, lost, strict=True):  # what is lost was before it was said
        room = max(room + second - one, 0.0)
    assert seconds.sum() - gone.sum() == pytest.approx(room, abs=1e-9)


def test_a_pause_that_is_told_when_it_is_over_began_before():
    pace = pace_with_losses(np.arange(6.0), np.array([0, 0, 0, 2.5, 0]))
    assert pace.speeds.tolist() == [1, 0.5, 0, 0, 1]


TABLE = 0.2 + 0.02 * np.arange(1, 21)


@given(st.integers(0, 1000), st.floats(0.2, 0.85), st.floats(0, 1))
def test_requests_of_a_batch_server_are_left_alone_or_held_up(seed, load, hold):
    rng = np.random.default_rng(seed)
    due = np.cumsum(rng.exponential(TABLE[-1] / 20 / load, 800))
    speeds = np.where(rng.random(300) < 0.02, 0.0, 1.0)
    clock = HostPace(due[-1] / 300, speeds).clock(float(due[-1]))
    held = held_up_in_batches(clock, due, TABLE, hold)
    late = serve_by_clock(clock, due, TABLE, hold_seconds=hold)
    # Whoever was left alone took what the server takes for some batch, and its wait for it.
    ends = np.unique(np.round(due + late, 9))
    assert held.min() >= -1e-6
    assert ends.size > 1
    if (speeds > 0).all():
        assert held == pytest.approx(0, abs=1e-6)
        assert late == pytest.approx(serve(due, TABLE, hold_seconds=hold), abs=1e-6)


def test_a_pause_holds_up_requests_until_the_server_waits_for_some():
    # One a second in batches of 4 that take a second: a pause of 8 s leaves 8 more to serve.
    due, table = np.arange(60.0), np.array([0.4, 0.6, 0.8, 1.0])
    pace = HostPace(np.array([20.5, 8.0, 40.0]), np.array([1.0, 0.0, 1.0]))
    held = held_up_in_batches(pace.clock(68.5), due, table, hold_seconds=10.0)
    late = serve_by_clock(pace.clock(68.5), due, table, hold_seconds=10.0)
    usual = serve(due, table, hold_seconds=10.0)
    assert (held > 0.1).any()
    assert late[held < 0.1] == pytest.approx(usual[held < 0.1], abs=1e-3)
    assert (late[held > 0.1] > usual[held > 0.1] - 1e-3).all() and late[held > 0.1].max() > 8
