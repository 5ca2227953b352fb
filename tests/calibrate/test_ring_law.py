"""What a ring's events cost while it fits the cache they were written in, and beyond."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_calibration import SIZES, synthetic_calibration

from aethermodel.calibrate.conditions import RING_BATCHES
from aethermodel.calibrate.samples import Timings
from aethermodel.measure.sending import ring_capacity

L2_EVENTS = 8192
RING = L2_EVENTS / 8
NEAR, BEYOND, FIXED = 1.9e-9, 1.2e-9, 1.8e-6
N = np.array([1.0, 100.0, RING, 5_000.0, 30_000.0])


def seconds(n):
    return FIXED + NEAR * np.minimum(n, RING) + BEYOND * np.maximum(0, n - RING)


def over(fabric, l2_bytes=64 * L2_EVENTS, noise=0.01):
    known = synthetic_calibration(noise)
    n = np.repeat(np.array(SIZES, dtype=float), 5)
    taken = seconds(n) * (1 + noise * np.random.default_rng(1).standard_normal(n.size))
    samples = known.samples | {"fabric": Timings(n.tolist(), taken.tolist(), [])}
    caches = {"L2": l2_bytes} if l2_bytes else {}
    conditions = replace(known.conditions, fabric=fabric, cache_bytes=caches)
    return replace(known, samples=samples, conditions=conditions)


def test_the_fabrics_law_bends_where_the_ring_outgrows_the_cache():
    found = over("shared-memory")
    assert found.predict(N).budget["fabric"] == pytest.approx(seconds(N), rel=0.02)
    assert found.parameters["N_ring"].value == RING
    assert found.parameters["t_fabric_near"].value == pytest.approx(NEAR, rel=0.1)
    assert found.parameters["t_fabric_event"].value == pytest.approx(BEYOND, rel=0.05)


def test_the_law_knows_how_many_batches_the_ring_has_room_for():
    assert ring_capacity(int(RING)) == RING_BATCHES * RING
    assert over("shared-memory").conditions.ring_spills() == RING


def test_symbols_and_figures_agree():
    found = over("shared-memory")
    assert found.model().seconds_at(N) == pytest.approx(found.predict(N).seconds)


@pytest.mark.parametrize(
    ("fabric", "l2_bytes"), [("kernel-tcp", 64 * L2_EVENTS), ("shared-memory", 0)]
)
def test_other_fabrics_and_unknown_caches_have_one_slope(fabric, l2_bytes):
    found = over(fabric, l2_bytes)
    assert found.conditions.ring_spills() is None
    assert "t_fabric_near" not in found.parameters
