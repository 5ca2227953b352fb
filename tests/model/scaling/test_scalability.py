"""Scalability laws and what they say of threads, pairs and hosts, against plain arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.model.scaling.scalability import KAPPA, SIGMA, SPEEDUP, P, Scalability
from aethermodel.model.scaling.scale_out import ScaleOut

COEFFICIENTS = st.floats(0, 1)
BUDGET = {"loop": 2e-6, "ffi": 1e-6, "kernel": 30e-6, "fabric": 0.5e-6}


def scaled(**changed):
    given = {
        "budget": BUDGET,
        "n": 10_000,
        "threads": Scalability(0.1),
        "shared": Scalability(0.05),
        "copies_per_second": 1e10,
        "copying": Scalability(1.0),
    }
    return ScaleOut(**given | changed)


@given(sigma=COEFFICIENTS, kappa=COEFFICIENTS, p=st.integers(1, 512))
def test_the_law_is_its_formula(sigma, kappa, p):
    by_hand = p / (1 + sigma * (p - 1) + kappa * p * (p - 1))
    law = Scalability(sigma, kappa)
    assert law.speedup(p) == pytest.approx(by_hand)
    assert float(SPEEDUP.subs({P: p, SIGMA: sigma, KAPPA: kappa})) == pytest.approx(by_hand)
    assert law.speedup(p) <= min(p, law.limit) * (1 + 1e-9) or p == 1


@given(sigma=st.floats(0, 0.9), kappa=st.floats(1e-6, 1))
def test_no_count_is_faster_than_the_best(sigma, kappa):
    law = Scalability(sigma, kappa)
    assert all(law.speedup(p) <= law.limit * (1 + 1e-9) for p in range(1, 300))


def test_amdahl_and_no_cost_at_all():
    assert Scalability(0.25).limit == pytest.approx(4)
    assert Scalability().limit == math.inf
    assert Scalability(1.0).limit == 1


@pytest.mark.parametrize("bad", [{"sigma": -0.1}, {"kappa": math.nan}, {"sigma": math.inf}])
def test_costs_are_not_negative(bad):
    with pytest.raises(ValueError, match="must be zero or above"):
        Scalability(**bad)


def test_threads_speed_up_the_kernel_alone():
    model = scaled(threads=Scalability())
    for p in (1, 2, 8, 1000):
        seconds = 3.5e-6 + 30e-6 / p
        assert model.rates("threads", p) == pytest.approx(10_000 / seconds)
    assert model.binds("threads", 1) == "kernel"
    assert model.binds("threads", 1000) == "loop"
    assert model.rates("threads", 10**6) < model.interpreter_per_second
    assert model.interpreter_per_second == pytest.approx(10_000 / 3e-6)


def test_pairs_take_two_cores_each_and_slow_each_other_down():
    model = scaled()
    for cores, pairs in ((2, 1), (3, 1), (4, 2), (17, 8)):
        seconds = 3.5e-6 + 30e-6 * (1 + 0.05 * (2 * pairs - 1))
        assert model.rates("pairs", cores) == pytest.approx(pairs * 10_000 / seconds)
    assert math.isnan(model.rates("pairs", 1))
    with pytest.raises(ValueError, match="takes two cores"):
        model.binds("pairs", 1)


def test_nothing_passes_what_the_memory_copies():
    model = scaled(shared=Scalability(), copies_per_second=1e9)
    assert model.rates("pairs", 64) == 1e9
    assert model.binds("pairs", 64) == "memory"
    assert model.binds("pairs", 2) == "kernel"


def test_what_two_cores_copy_is_no_ceiling_for_more():
    model = scaled(shared=Scalability(), copies_per_second=2e8, copying=Scalability(0.1))
    # 64 cores copy 64 / (1 + 0.1 * 63) times what one does, not what two do.
    assert model.copies(64) == pytest.approx(2e8 * 64 / 7.3)
    assert model.rates("pairs", 64) == pytest.approx(2e8 * 64 / 7.3)
    assert model.binds("pairs", 64) == "memory"
    # An odd core stays idle, and copies nothing.
    assert model.rates("pairs", 5) == model.rates("pairs", 4)
    # Coherency never makes many cores copy less than fewer.
    retrograde = scaled(copying=Scalability(0.0, 0.01))
    assert retrograde.copies(64) == pytest.approx(retrograde.copies(10))
