"""What the host gives an idle loop."""

import numpy as np
import pytest

from aethermodel.measure.host_watch import STRETCH, Watch, full_turns, pace_of, watch
from aethermodel.measure.noise import Noise


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
    full = full_turns([calm, shared])
    assert full == 200
    assert pace_of([calm], full).mean == 1
    assert pace_of([shared], full).speeds[:4].tolist() == [1, 0.5, 0, 0.5]
    assert pace_of([shared, calm], full).mean == 0.75


def test_a_lucky_stretch_is_no_more_than_full_speed():
    lucky = watched([100] * 999 + [150])
    assert pace_of([lucky], full_turns([lucky])).speeds.max() == 1
