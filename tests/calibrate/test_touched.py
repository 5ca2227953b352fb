"""What it costs to read every event of a batch as it arrives: by the memory level of the set."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.samples import Timings

N = np.array([1_000.0, 4_096.0, 10_000.0])


def taken(n):
    return 0.9e-6 + 0.8e-9 * n + 2.1e-9 * np.maximum(0, n - 4_096)


def over(touched):
    known = synthetic_calibration()
    sizes = np.repeat([1.0, 2_500, 5_000, 7_500, 15_001, 20_001, 40_001], 3)
    fabric = Timings(sizes.tolist(), taken(sizes).tolist(), [])
    caches = {"L2": 4 * 64 * 4_096}
    conditions = replace(known.conditions, cache_bytes=caches, touched=touched)
    return replace(known, samples=known.samples | {"fabric": fabric}, conditions=conditions)


def test_the_fabric_has_a_memory_level_where_it_reads_every_event():
    assert over(4).conditions.touched_knees() == {"L2": 4_096}
    assert over(4).predict(N).budget["fabric"] == pytest.approx(taken(N), rel=1e-6)


def test_a_handle_has_none():
    """By the same samples: a line that no knee bends is all that its physics allows."""
    assert over(None).laws["fabric"].form.knees == ()
    assert over(None).conditions.touched_knees() == {}
