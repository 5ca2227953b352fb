"""Law of a ring: cost of events within the cache they were written in, and beyond."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_calibration import SIZES, synthetic_calibration

from aethermodel.calibrate.term_fit.samples import Timings
from aethermodel.fabrics import RING_BATCHES
from aethermodel.measure.harness.ring_size import ring_capacity

L2_EVENTS = 8192
RING, FEWER = L2_EVENTS / 8, 8192
NEAR, BEYOND, FIXED = 1.9e-9, 1.2e-9, 1.8e-6
# On both sides of both places.
FAR = [1, 12, 192, 768, 1536, 3072, 6144, 12_288, 24_576, 49_152]
N = np.array([1.0, 100.0, RING, 5_000.0, 30_000.0])


def seconds(n):
    return FIXED + NEAR * np.minimum(n, RING) + BEYOND * np.maximum(0, n - RING)


def dearer_between(n):
    """As on hosts whose shared cache is the slower one: dearer from RING to FEWER alone."""
    beyond = 4.3e-9 * np.clip(n - RING, 0, FEWER - RING) + 2.2e-9 * np.maximum(0, n - FEWER)
    return FIXED + 2.9e-9 * np.minimum(n, RING) + beyond


def over(fabric, l2_bytes=64 * L2_EVENTS, noise=0.01, seconds=seconds, sizes=SIZES):
    known = synthetic_calibration(noise)
    n = np.repeat(np.array(sizes, dtype=float), 5)
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
    assert over("shared-memory").conditions.ring_places() == (RING, FEWER)
    assert ring_capacity(int(FEWER)) == RING_BATCHES * FEWER > ring_capacity(int(FEWER) + 1) / 2


def test_where_the_shared_cache_is_slower_the_law_rises_and_falls_again():
    found = over("shared-memory", seconds=dearer_between, sizes=FAR)
    assert found.predict(N).budget["fabric"] == pytest.approx(dearer_between(N), rel=0.05)
    known = found.parameters
    assert (known["N_spilled"].value, known["N_ring"].value) == (RING, FEWER)
    assert known["t_fabric_spilled"].value == pytest.approx(1.4e-9, rel=0.2)


@pytest.mark.parametrize("law", [seconds, dearer_between])
def test_symbols_and_figures_agree(law):
    found = over("shared-memory", seconds=law, sizes=FAR)
    assert ("N_spilled" in found.parameters) == (law is dearer_between)
    assert found.model().seconds_at(N) == pytest.approx(found.predict(N).seconds)


@pytest.mark.parametrize(
    ("fabric", "l2_bytes"), [("kernel-tcp", 64 * L2_EVENTS), ("shared-memory", 0)]
)
def test_other_fabrics_and_unknown_caches_have_one_slope(fabric, l2_bytes):
    found = over(fabric, l2_bytes)
    assert found.conditions.ring_places() is None
    assert "t_fabric_near" not in found.parameters
