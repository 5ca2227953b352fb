"""Threads, topics, pool and variant: what is measured, what moves exactly, what is assumed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_calibration import HOST, TRUE, synthetic_calibration

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.merged_calibration import merge
from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import Parameter, UnitError
from aethermodel.model.scaling.scalability import Scalability
from aethermodel.model.terms import affine, knees, shared

LAW = Scalability(0.1, 0.01)
LARGE = 12288


def with_teams(counts=(1, 2, 4, 8), noise=0.01, **changed):
    """A calibration whose kernel was also timed with threads that share its largest batch."""
    rng = np.random.default_rng(7)
    threads = np.repeat(np.array(counts, dtype=float), 8)
    seconds = TRUE["t_event"] * LARGE / LAW.speedup(threads)
    seconds *= 1 + noise * rng.standard_normal(threads.size)
    return replace(synthetic_calibration(**changed), teams=(threads.tolist(), seconds.tolist()))


def parameter(name, value, unit):
    return Parameter(name, value, unit, "test", "test")


@pytest.mark.parametrize("p", [1, 2, 7])
def test_a_shared_term_divides_what_grows_by_the_speedup(p):
    alone = knees(
        "kernel",
        parameter("t_kernel", 1e-6, "s"),
        parameter("t_event", 2e-9, "s/event"),
        [(parameter("N_L2", 500, "event"), parameter("t_L2", 1e-9, "s/event"))],
    )
    team = [parameter(n, v, "1") for n, v in (("p", p), ("sigma", 0.1), ("kappa", 0.01))]
    n = np.array([1, 400, 5000])
    growing = BatchModel([alone]).seconds_at(n) - 1e-6
    found = BatchModel([shared(alone, *team)]).seconds_at(n)
    assert found == pytest.approx(1e-6 + growing / LAW.speedup(p))
    with pytest.raises(UnitError):
        shared(alone, parameter("p", p, "event"), *team[1:])


def test_sigma_and_kappa_are_measured_parameters_and_one_thread_costs_what_it_did():
    known = with_teams()
    for name in ("sigma", "kappa"):
        p = known.parameters[name]
        assert p.low <= getattr(LAW, name) <= p.high
        assert "with 1, 2, 4, 8 threads" in p.source
    sizes = [1, 100, 10_000]
    alone = synthetic_calibration().predict(sizes).seconds
    assert known.predict(sizes).seconds == pytest.approx(alone)
    assert known.model().seconds_at(sizes) == pytest.approx(alone)


def test_as_many_threads_as_were_timed_are_measured_and_more_assumed():
    known = with_teams()
    inside = Scenario(known, what_if.cores(known, 4))
    assert inside.origin == "measured" and not inside.is_assumed("kernel")
    found, before = inside.predict([LARGE]), known.predict([LARGE])
    kernel = TRUE["t_event"] * LARGE / LAW.speedup(4)
    assert found.budget["kernel"][0] == pytest.approx(kernel, rel=0.03)
    assert found.low[0] < found.seconds[0] < found.high[0]
    for term in ("loop", "ffi", "fabric"):
        assert found.budget[term][0] == pytest.approx(before.budget[term][0], rel=1e-6)
    beyond = Scenario(known, what_if.cores(known, 32))
    assert beyond.origin == "assumed" and beyond.is_assumed("kernel")
    # 32 threads are slower than 4: the law's coherency, which Amdahl's has not.
    assert beyond.predict([LARGE]).seconds[0] > found.seconds[0]
    answers = Answers(inside)
    rate = answers.best_rate(np.inf)
    assert rate.low < LAW.speedup(4) / TRUE["t_event"] < rate.high
    named = {buys.name for buys in answers.sensitivity(1000)}
    assert not named & {"sigma", "kappa", "p_threads"}


def test_without_timed_threads_or_with_a_serial_share_amdahl_is_assumed():
    for known in (synthetic_calibration(), with_teams()):
        changed = Scenario(known, what_if.cores(known, 2, 0.5))
        assert changed.origin == "assumed"
        event = known.parameters["t_event"].value
        assert changed.model.limit_per_second() == pytest.approx(1 / (0.75 * event))


def test_threads_survive_the_file_and_merging():
    known = with_teams()
    back = Calibration.load(_written(known, "c.json"))
    assert back.teams == known.teams
    assert back.to_json() == known.to_json()
    whole = merge([known, with_teams(seed=1)])
    assert len(whole.teams[0]) == 2 * len(known.teams[0])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _written(calibration, name):
    path = Path(name)
    path.write_text(json.dumps(calibration.to_json()))
    return path


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"variant": "v3"}, "differ in variant"),
        ({"layout": "columns"}, "differ in layout"),
        ({"threads": 2}, "differ in threads"),
    ],
)
def test_another_variant_layout_or_team_is_not_merged(changed, message):
    other = synthetic_calibration(seed=1)
    other = replace(other, conditions=replace(other.conditions, **changed))
    with pytest.raises(ValueError, match=message):
        merge([synthetic_calibration(), other])


def test_another_variant_of_the_kernels_does_not_predict_here(monkeypatch):
    from aethermodel.measure.campaign import stored_calibrations as known

    monkeypatch.setattr(known, "this_host", lambda: type("Host", (), {"id": HOST["id"]}))
    monkeypatch.setattr(known, "simd_variant", lambda: "v3")
    taken = synthetic_calibration()
    for variant in (None, "v3", "v4"):
        conditions = replace(taken.conditions, variant=variant)
        path = _written(replace(taken, conditions=conditions), f"{variant}.json")
        if variant == "v4":
            with pytest.raises(ValueError, match="ran as v4, here they run as v3: set AETHER_SIMD"):
                known.load_calibration(path)
            assert known.load_calibration(path, foreign=True).conditions.variant == "v4"
        else:
            assert known.load_calibration(path).conditions.variant == variant


def test_more_topics_call_more_handlers_and_the_kernel_is_marked():
    known = synthetic_calibration(switch=120, t_event_direct=12e-9)
    changed = Scenario(known, what_if.topics(known, 64, switch=408), topics=64)
    assert changed.is_assumed("kernel") and not changed.is_assumed("loop")
    calls = changed.predict([100_000]).budget["loop"] - known.predict([100_000]).budget["loop"]
    assert calls[0] == pytest.approx(48 * known.parameters["t_call"].value)
    assert changed.model.parameters["N_switch"].value == 408
    expected = 64 * (1 - (1 - 1 / 64) ** 10)
    tick, call = (known.parameters[name].value for name in ("t_tick", "t_call"))
    assert changed.predict([10]).budget["loop"][0] == pytest.approx(tick + call * expected)


def test_another_pool_moves_the_knees_exactly():
    law = [(parameter("N_L2", 2048, "event"), parameter("t_beyond_L2", 1e-8, "s/event"))]
    base = affine("kernel", parameter("t_kernel", 1e-6, "s"), parameter("t_event", 1e-9, "s/event"))

    class Bent(Calibration):
        def model(self):
            p = {one.name: one for one in base.parameters}
            return BatchModel([knees("kernel", p["t_kernel"], p["t_event"], law)])

    plain = synthetic_calibration()
    conditions = replace(plain.conditions, cache_bytes={"L2": 4 * 64 * 2048, "L3": 2**30})
    known = Bent(plain.host, plain.created, conditions, plain.samples)
    found = what_if.pool(known, 16)
    assert {name: one.value for name, one in found.items()} == {"N_L2": 512.0}
    assert found["N_L2"].measured


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: what_if.pool(c, 0), "at least 1 batch"),
        (lambda c: what_if.topics(c, 0, None), "at least 1 topic"),
        (lambda c: what_if.cores(c, 2, 1.5), "between 0 and 1"),
    ],
)
def test_configurations_out_of_range_are_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(synthetic_calibration())
