"""Jitter of the host, seen by an idle loop or by ticks."""

import numpy as np
import pytest

from aethermodel import thresholds
from aethermodel.measure.host.jitter import (
    STRETCH,
    Watch,
    full_rate,
    pace_of,
    watch,
    watch_ticks,
)
from aethermodel.measure.host.steal_and_switches import Noise


def watched(turns):
    return Watch(np.zeros(0), np.array(turns, dtype=float), len(turns) * STRETCH, Noise(0, 0, 0))


def test_an_idle_loop_is_seen_to_run():
    seen = watch(0.01)
    assert seen.seconds >= 0.01
    assert (seen.gaps > 0).all() and 0 <= seen.running <= seen.seconds
    # Every stretch but the last one is counted, those of a pause too.
    assert seen.turns.size == pytest.approx(seen.seconds / STRETCH, abs=2)
    assert seen.turns.sum() > 0


def test_the_pace_is_relative_to_the_best_of_all_that_was_watched():
    calm, shared = watched([200] * 300), watched([200, 100, 0, 100] * 75)
    full = full_rate([calm, shared])
    assert full == pytest.approx(200 / STRETCH)
    assert pace_of([calm], full).mean == pytest.approx(1)
    assert pace_of([shared], full).speeds[:4] == pytest.approx([1, 0.5, 0, 0.5])
    assert pace_of([shared, calm], full).mean == pytest.approx(0.75)


def test_a_lucky_stretch_moves_full_speed_by_next_to_nothing():
    lucky = watched([100] * 999 + [150])
    assert full_rate([lucky]) == pytest.approx(100 / STRETCH)
    assert pace_of([lucky], full_rate([lucky])).speeds[-1] == pytest.approx(1.5)


def ticked(monkeypatch, *pieces):
    """Watch pieces of ticks, each with what the idle loop beside it took."""
    cores = iter([core for _, core in pieces for _ in range(2)])
    monkeypatch.setattr("aethermodel.measure.host.jitter.glance", lambda: next(cores))
    found = [watch_ticks(lambda piece=piece: np.array(piece), 0.0) for piece, _ in pieces]
    assert all(
        each.seconds == pytest.approx(sum(piece))
        for each, (piece, _) in zip(found, pieces, strict=True)
    )
    return found


def test_ticks_go_at_full_speed_while_the_core_is_as_at_its_best(monkeypatch):
    calm, shared = ticked(monkeypatch, ([8e-6] * 5, 1.0), ([12e-6] * 50, 2.0))
    full = full_rate([calm, shared])
    assert full == pytest.approx(1 / 8e-6)
    assert pace_of([calm], full).mean == pytest.approx(1)
    assert pace_of([shared], full).mean == pytest.approx(2 / 3)
    assert pace_of([calm, shared], full).mean == pytest.approx(55 * 8 / (5 * 8 + 50 * 12))


def test_the_pace_of_a_host_that_is_left_alone_is_that_of_its_calm_stretches():
    seconds = np.full(200, 10e-6)
    lost, cores = np.zeros(200), np.ones(200)
    seconds[50:60], lost[50:60] = 1e-3, 0.99e-3  # others ran
    seconds[100:120], cores[100:120] = 20e-6, 2.0  # on the core's second thread
    seconds[150] = 15e-6  # its own: nobody else was there
    seen = Watch(np.zeros(0), np.ones(200), seconds.sum(), Noise(0, 0, 0), seconds, cores, lost)
    pace = pace_of([seen], 1e5, left_alone=True)
    assert pace.speeds.size == 170
    assert pace.mean == pytest.approx(170 * 10 / (169 * 10 + 15))
    assert pace_of([seen], 1e5).speeds.size == 200
    # Where nobody knows, or next to none was calm, all of them count.
    unknown = Watch(np.zeros(0), np.ones(200), 1.0, Noise(0, 0, 0), seconds, cores)
    assert pace_of([seen, unknown], 1e5, left_alone=True).speeds.size == 400
    lost[:] = np.linspace(0, 2e-3, 200)
    assert pace_of([seen], 1e5, left_alone=True).speeds.size == 200


def test_what_disturbs_every_slice_is_in_full_speed_as_it_is_in_the_terms(monkeypatch):
    steady, shared = ticked(
        monkeypatch, ([8e-6, 8e-6, 8e-6, 16e-6] * 100, 1.0), ([20e-6] * 50, 2.0)
    )
    full = full_rate([steady, shared])
    assert full == pytest.approx(1 / 10e-6, rel=0.01)
    assert pace_of([steady], full).mean == pytest.approx(1, rel=0.05)


def test_a_pause_of_the_host_now_and_then_is_not_in_full_speed(monkeypatch):
    (seen,) = ticked(monkeypatch, (([8e-6] * 500 + [200e-6]) * 4, 1.0))
    assert full_rate([seen]) == pytest.approx(1 / 8e-6, rel=0.01)


def test_a_tick_that_was_held_up_is_a_gap_and_a_slow_stretch(monkeypatch):
    held = 8e-6 + 10 * thresholds.PAUSE_SECONDS
    (seen,) = ticked(monkeypatch, ([8e-6, 8e-6, held] + [8e-6] * 500, 1.0))
    assert seen.gaps == pytest.approx([10 * thresholds.PAUSE_SECONDS])
    assert seen.running == pytest.approx(503 * 8e-6)
    pace = pace_of([seen], 1 / 8e-6)
    assert pace.speeds[:4] == pytest.approx([1, 1, 8e-6 / held, 1])
    clock = pace.clock(1e-4)
    assert clock.real(np.array([2.5 * 8e-6])) == pytest.approx([2 * 8e-6 + held / 2])


def test_a_watch_that_is_one_long_pause_has_a_rate_too(monkeypatch):
    (seen,) = ticked(monkeypatch, ([0.5], 1.0))
    assert full_rate([seen]) == pytest.approx(2)
