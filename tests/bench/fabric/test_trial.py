"""Clocks, link and laws from made-up exchanges whose truth is known."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.advice.law_answers import answers
from aethermodel.bench.fabric.clock_offset import ClockOffset
from aethermodel.bench.fabric.exchange_rounds import FabricPlan, Sample
from aethermodel.bench.fabric.exchanges import Exchange, Framing
from aethermodel.bench.fabric.overhead import Overhead
from aethermodel.bench.fabric.trial import FabricTrial

FRAMING = Framing(1448, 66)
#: Of both hosts, one way.
OWN = 12e-6


def exchange(at, there, back, ahead=0, resent=0):
    """One whose batch took `there` and whose answer `back` seconds, the other clock being ahead."""
    arrived = at + round(there * 1e9)
    answered = arrived + 2_000
    came = answered + round(back * 1e9)
    return Exchange(at, arrived + ahead, answered + ahead, came, resent, 0)


def samples(plan, delay, rate, seed=0, lost=0.0, count=12):
    """Exchanges over a wire of so many seconds and bits a second, now and then held up."""
    chance, found, at = random.Random(seed), [], 10**9
    small = OWN + delay + FRAMING.wire_bytes(64) * 8 / rate

    def held_up():
        return chance.expovariate(1 / 0.3e-6) + (chance.random() < 0.1) * chance.uniform(0, 30e-6)

    for number in range(plan.rounds):
        for n in plan.sizes:
            for _ in range(count):
                there = OWN + delay + FRAMING.wire_bytes(64 * n) * 8 / rate
                resent = chance.random() < lost
                timed = exchange(at, there + held_up() + 0.2 * resent, small + held_up())
                beside = exchange(timed.came, small + held_up(), small + held_up())
                found.append(Sample(number, n, timed, beside, resent, True))
                at = beside.came + 10_000
    return found


@pytest.mark.parametrize(("delay", "rate"), [(50e-6, 1e8), (200e-6, 1e9), (1e-3, 1e10)])
def test_delay_and_rate_of_a_wire_are_found(delay, rate):
    plan = FabricPlan()
    made = samples(plan, delay, rate)
    trial = FabricTrial.of(made, plan, FRAMING, Overhead(OWN, OWN, OWN), source="made up")
    assert trial.link.delay.value == pytest.approx(delay, rel=0.05)
    assert trial.link.delay.low <= trial.link.delay.value <= trial.link.delay.high
    assert trial.link.rate.value == pytest.approx(rate, rel=0.05)
    assert trial.link.latency.value == pytest.approx(delay + OWN, rel=0.05)
    assert trial.outcome == "pass" and trial.mean_error <= 0.05
    assert set(trial.table[trial.table["held_out"]]["n"]) == set(plan.held_out)
    figures = trial.figures()
    assert figures["verdict"]["tail"] == "not judged" and not figures["notes"]


def test_under_loss_the_tail_is_outside_the_model():
    plan = FabricPlan()
    made = samples(plan, 50e-6, 1e9, lost=0.1, count=40)
    trial = FabricTrial.of(made, plan, FRAMING, Overhead(OWN, OWN, OWN), source="made up")
    figures = trial.figures()
    assert figures["verdict"]["tail"] == "outside the model"
    assert any("P99" in note and "outside the model" in note for note in figures["notes"])
    # Exchanges with a segment sent again are counted, and not in the law.
    assert 0.05 < trial.resent_share < 0.2
    assert trial.table["left_out"].sum() == sum(s.resent for s in made)
    assert trial.link.delay.value == pytest.approx(50e-6, rel=0.05)
    assert trial.one_way["p99"] > 0.1  # and yet in what is said of single events


def test_a_link_that_loses_everything_is_refused_in_one_line():
    plan = FabricPlan()
    made = samples(plan, 50e-6, 1e9, lost=1.0)
    with pytest.raises(ValueError, match="packet sent again"):
        FabricTrial.of(made, plan, FRAMING, None, source="made up")


def test_without_loopback_the_delay_is_not_told():
    plan = FabricPlan()
    trial = FabricTrial.of(samples(plan, 50e-6, 1e9), plan, FRAMING, None, source="made up")
    assert trial.link.delay is None and trial.link.overhead is None
    assert any("did not exchange with itself" in note for note in trial.notes)


def test_hosts_that_alone_take_longer_than_the_way_tell_no_delay():
    """They were busier while their overhead was timed: the wire took -8 us, with an interval."""
    plan, busy = FabricPlan(), Overhead(70e-6, 69e-6, 71e-6)
    trial = FabricTrial.of(samples(plan, 50e-6, 1e9), plan, FRAMING, busy, source="made up")
    assert trial.link.delay is None and trial.link.overhead.value == 70e-6
    assert any("the delay of the wire is not known" in note for note in trial.notes)


def test_a_wire_that_takes_nothing_has_a_delay_about_zero():
    plan, own = FabricPlan(), Overhead(OWN, OWN - 0.5e-6, OWN + 0.5e-6)
    trial = FabricTrial.of(samples(plan, 0.0, 1e9), plan, FRAMING, own, source="made up")
    assert trial.link.delay.low < 0 < trial.link.delay.high
    assert not any("is not known" in note for note in trial.notes)


def test_rates_and_sizes_of_the_law_are_of_events():
    plan = FabricPlan()
    made = samples(plan, 50e-6, 1e9)
    law = FabricTrial.of(made, plan, FRAMING, None, source="made up").law
    found = answers(law)
    assert (found.rate_unit, found.size_unit) == ("events/s", "events")


@settings(max_examples=20)
@given(
    ahead=st.integers(-(2**60), 2**60),
    drift=st.floats(-1e-4, 1e-4),
    seed=st.integers(0, 1000),
)
def test_clocks_that_are_apart_and_drift(ahead, drift, seed):
    chance, made, at = random.Random(seed), [], 10**12
    for _ in range(300):
        there, back = (50e-6 + chance.expovariate(1 / 20e-6) for _ in range(2))
        own = ahead + round(drift * (at - 10**12))
        made.append(exchange(at, there, back, own))
        at += 10_000_000
    offset = ClockOffset.of(made)
    middle = ahead / 1e9 + drift * 1.5
    # Where in time it stands depends on the exchanges that were left alone.
    slack = 1.5 * abs(drift) + 1e-9 * abs(middle)
    assert abs(offset.seconds - middle) < 1.1 * offset.most_asymmetry + slack
    assert math.isnan(offset.drift) or offset.drift == pytest.approx(drift, abs=2e-5)


def test_a_plan_holds_out_the_sizes_between():
    plan = FabricPlan.between([1, 16, 256, 4096])
    assert plan.held_out == (4, 64, 1024)
    for sizes in ([1, 2, 3], [2, 4, 8, 64], [1, 2, 4, 8], [0, 1, 4, 64, 256]):
        with pytest.raises(ValueError):
            FabricPlan.between(sizes)


def test_a_gap_that_cannot_be_told_from_none_has_no_rate_of_its_floor():
    """A gap of 0.001 ps a byte, which nobody measured, read as 8,000 Tbit/s."""
    plan = FabricPlan()
    made = samples(plan, 50e-6, 1e19)
    link = FabricTrial.of(made, plan, FRAMING, None, source="made up").link
    assert link.gap.low == 0 and link.gap.value <= link.gap.high < 1e-10
    assert link.rate.high == math.inf and link.rate.low > 1e10
