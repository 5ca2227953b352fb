"""Predictions beside the pipeline's rows: from terms of known laws, composed as the row is."""

import numpy as np
import pandas as pd
import pytest

from aethermodel.bench.pipeline.measurement import PipelineBench
from aethermodel.bench.pipeline.prediction import term_plan, with_predictions
from aethermodel.bench.pipeline.rows import KINDS, Row
from aethermodel.bench.pipeline.term_plan import predict_row
from aethermodel.measure.probes import PROBES

# A row over verbs is labelled by its device: tests/rdma has one.
HERE = [kind for kind in KINDS if kind != "verbs"]
BENCH = PipelineBench(batch_size=1000, topics=4, event_loops="asyncio", kinds=HERE)
SINGLY = {"make": 0.4e-6, "hop": 0.9e-6, "handle": 0.3e-6}


REFILL = 0.5e-9


def seconds(probe, s, sending):
    """The law that each probe's samples follow, in seconds."""
    if probe == "singly":
        return SINGLY[s["part"]]
    if probe == "bus_loop":
        return 2e-6 + s["calls"] * 0.3e-6
    if probe == "refill":  # the tick itself is in the loop's own figure
        return 9e-6 + s["batch_size"] * REFILL
    if s.get("routed"):  # one pass does both
        return 0.9e-6 + s["batch_size"] * 3.5e-9
    fixed, slope = {
        "kernel": (0.1e-6, 3e-9),
        "ffi": (0.2e-6, 0.0),
        "fabric": (0.5e-6, 1e-9),
        "send": (1e-6, sending),
    }[probe]
    return fixed + slope * s["batch_size"]


def samples_of(bench, sending=1e-9):
    rows = [
        {
            "probe": p.probe,
            **p.settings,
            "company": p.company,
            "seconds": seconds(p.probe, p.settings, sending),
            "process": process,
        }
        for p in term_plan(bench).points
        for process in range(3)
    ]
    return pd.DataFrame(rows).assign(final=True)


def row(kind):
    return Row(kind=kind, event_loop="asyncio", batch_size=1000, topics=4)


# route and dispatch of 1,000 events on 4 topics, received in 0.5 us + 1 ns an event
CONSUMER = (2e-6 + 4 * 0.3e-6) + 0.2e-6 + (0.1e-6 + 3e-6) + (0.5e-6 + 1e-6) + 1000 * REFILL


FUSED = (2e-6 + 4 * 0.3e-6) + (0.9e-6 + 3.5e-6) + 1000 * REFILL


@pytest.mark.parametrize(
    ("kind", "sending", "cores", "wanted", "composition", "binding"),
    [
        ("naive", 1e-9, 2, 1000 * sum(SINGLY.values()), "serial", "both"),
        ("mocked", 1e-9, 2, 50e-9 + 1000 * 10e-9 + 2e-6 + 1.5e-6, "serial", "both"),
        ("loopback", 1e-9, 2, CONSUMER, "serial", "both"),
        ("shm", 1e-9, 2, CONSUMER, "pipelined", "consumer"),
        ("shm", 20e-9, 2, 21e-6, "pipelined", "producer"),
        ("shm", 20e-9, 1, 21e-6 + CONSUMER, "serial", "both"),
        ("shm-fused", 1e-9, 2, FUSED, "pipelined", "consumer"),
        ("shm-fused", 20e-9, 2, 21e-6, "pipelined", "producer"),
        ("tcp", 20e-9, 64, 21e-6, "pipelined", "producer"),
    ],
)
def test_each_row_is_composed_of_its_own_terms(kind, sending, cores, wanted, composition, binding):
    found = predict_row(row(kind), samples_of(BENCH, sending), cores)
    assert found.seconds == pytest.approx(wanted, rel=1e-3)
    assert found.low <= found.seconds <= found.high
    assert (found.composition, found.binding) == (composition, binding)


@pytest.mark.parametrize("kind", ["loopback", "shm"])
def test_terms_have_company_where_the_row_has_two_processes(kind):
    samples = samples_of(BENCH)
    others = (samples["probe"] == "kernel") & (samples["company"] == (kind == "loopback"))
    assert others.any()
    samples.loc[others, "seconds"] *= 2
    assert predict_row(row(kind), samples, 2).seconds == pytest.approx(CONSUMER, rel=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 1000, 2**20])
def test_nothing_is_fitted_on_what_it_predicts(n):
    points = term_plan(BENCH.model_copy(update={"batch_size": n})).points
    sizes = {"kernel", "ffi", "fabric", "send", "refill"}
    assert {p.probe for p in points} <= sizes | {"bus_loop", "singly"}
    for probe in sizes:
        sized = {p.settings["batch_size"] for p in points if p.probe == probe}
        assert n not in sized and len(sized) >= 2  # a line has two ends
        assert probe == "ffi" or min(sized) < n < max(sized) or n <= 2


def test_what_tcp_costs_is_asked_near_the_size_that_is_predicted():
    """The law bends where two batches leave the caches."""
    points = term_plan(BENCH.model_copy(update={"batch_size": 10_000})).points
    asked = {p.settings["batch_size"] for p in points if p.settings.get("fabric") == "tcp"}
    assert min(asked) == 7_500 and max(asked) == 12_502 and 10_000 not in asked


def test_the_ticks_of_a_row_are_those_of_its_producer():
    """Over loopback a task of the same loop sends: what it fetches again is the row's."""
    points = [p for p in term_plan(BENCH).points if p.probe == "refill"]
    assert {(p.settings["producer"], p.company) for p in points} == {(True, False), (False, True)}
    samples = samples_of(BENCH)
    alone = (samples["probe"] == "refill") & ~samples["company"]
    samples.loc[alone, "seconds"] += samples.loc[alone, "batch_size"] * 1e-9
    found = predict_row(row("loopback"), samples, 2)
    assert found.seconds == pytest.approx(CONSUMER + 1e-6, rel=1e-3)
    assert predict_row(row("shm"), samples, 2).seconds == pytest.approx(CONSUMER, rel=1e-3)


@pytest.mark.parametrize("topics", [1, 4, 16])
def test_a_tick_is_probed_with_all_the_handlers_it_passes_by(topics):
    plan = term_plan(PipelineBench(topics=topics, kinds="shm", event_loops="asyncio"))
    ticks = [p.settings for p in plan.points if p.probe == "bus_loop"]
    assert {t["topics"] for t in ticks} == {max(2, topics)}
    assert {t["calls"] for t in ticks} >= {1, topics}


@pytest.mark.parametrize("kind", HERE)
def test_a_row_alone_brings_the_terms_that_it_needs_and_no_others(kind):
    bench = PipelineBench(batch_size=1000, topics=4, event_loops="asyncio", kinds=kind)
    found = predict_row(row(kind), samples_of(bench), 2)
    assert found.seconds > 0
    probes = {p.probe for p in term_plan(bench).points}
    assert ("send" in probes) == (kind in ("shm", "shm-fused", "tcp", "verbs"))
    assert ("kernel" in probes) == (kind in ("loopback", "shm", "tcp", "verbs"))
    assert ("refill" in probes) == (kind not in ("naive", "mocked"))
    assert ("singly" in probes) == (kind == "naive")


def table():
    figures = {"throughput_per_second": 3e8, "calm_per_second": 1e8, "alone_per_second": np.nan}
    return pd.DataFrame({"kind": BENCH.kinds, **figures})


def test_a_prediction_is_held_against_what_was_carried_by_cores_left_alone():
    alone = table().assign(alone_per_second=2e8)
    found = with_predictions(alone, samples_of(BENCH), BENCH)
    assert (1 + found["error"]).tolist() == pytest.approx(found["predicted_per_second"] / 2e8)


def test_where_no_run_was_left_alone_no_error_can_be_told():
    """It was +578 % where the two cores were moved apart in most runs."""
    disturbed = table().assign(calm_per_second=np.nan)
    found = with_predictions(disturbed, samples_of(BENCH), BENCH)
    assert found["error"].isna().all() and (found["predicted_per_second"] > 0).all()


def test_every_row_has_a_prediction_or_the_reason_why_not():
    found = with_predictions(table(), samples_of(BENCH), BENCH).set_index("kind")
    assert (found["why"] == "").all()
    assert (found["predicted_low"] <= found["predicted_per_second"]).all()
    assert (found["predicted_per_second"] <= found["predicted_high"]).all()
    assert found.loc["naive", "predicted_per_second"] == pytest.approx(1 / 1.6e-6)
    assert found.loc["naive", "error"] == pytest.approx(1 / 1.6e-6 / 1e8 - 1)
    samples = samples_of(BENCH)
    without = with_predictions(table(), samples[samples["probe"] != "kernel"], BENCH)
    without = without.set_index("kind")
    lack = without.index[without["predicted_per_second"].isna()].tolist()
    assert lack == ["loopback", "shm", "tcp"]
    assert "kernel could not be measured" in without.loc["shm", "why"]
    asked = with_predictions(table(), None, BENCH)
    assert (asked["why"] == "not asked for").all()
    assert asked["predicted_per_second"].isna().all()


@pytest.mark.parametrize(
    ("probe", "settings"),
    [
        ("send", {"fabric": "shm", "batch_size": 100}),
        ("send", {"fabric": "tcp", "batch_size": 100}),
        ("fabric", {"fabric": "shm", "batch_size": 100, "topics": 3, "routed": True}),
        ("singly", {"part": "make"}),
        ("singly", {"part": "hop", "event_loop": "uvloop"}),
        ("singly", {"part": "handle", "topics": 3}),
        ("bus_loop", {"calls": 0}),
    ],
)
def test_the_probes_of_the_rows_run(probe, settings):
    known = PROBES[probe]
    timed = known.prepare(known.settings(**settings))
    assert timed(3) > 0
    assert timed(40) > 0  # more batches than the ring has room for


@pytest.mark.parametrize(
    ("probe", "settings", "message"),
    [
        ("send", {"fabric": "loopback"}, "fabric"),
        ("fabric", {"fabric": "tcp", "routed": True}, "over shm here, not over tcp"),
        ("singly", {"part": "all"}, "part"),
        ("singly", {"topics": 0}, "topics"),
        ("bus_loop", {"calls": 5, "topics": 4}, "there are 4"),
    ],
)
def test_bad_settings(probe, settings, message):
    with pytest.raises(ValueError, match=message):
        PROBES[probe].settings(**settings)
