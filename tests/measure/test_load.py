"""The pipeline under a schedule: every event is handled, lateness counts, verdicts are honest."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_calibration import synthetic_calibration

from aethermodel.measure.budgets import judgements, overall
from aethermodel.measure.latency import LatencyCampaign, LatencyTrial
from aethermodel.measure.load import LoadedPipeline, LoadSettings, host_gaps, tier_seconds
from aethermodel.specification import load_specification

QUICK = LatencyCampaign(
    loads=(0.5,), arrivals=("poisson", "bursty"), group=16, processes=1, batches=1000, retries=0
)


@pytest.fixture(scope="module")
def trial():
    return LatencyTrial.run(QUICK, synthetic_calibration(topics=4))


@pytest.fixture(scope="module")
def pipeline():
    return LoadedPipeline(LoadSettings(group=8, largest=4, topics=4))


def test_what_is_due_at_once_is_served_in_full_ticks_and_waits_its_turn(pipeline):
    run = pipeline.run(np.zeros(400))
    assert run.ticks == 100
    assert run.latencies.size == 360
    assert (np.diff(run.latencies) >= 0).all()
    assert run.latencies[-1] <= run.seconds


def test_a_schedule_is_never_served_early_and_never_hurried(pipeline):
    due = np.arange(50) * 1e-4
    run = pipeline.run(due)
    assert (run.latencies > 0).all()
    assert run.seconds >= due[-1]


def test_the_same_pipeline_can_run_again(pipeline):
    assert pipeline.run(np.zeros(8)).ticks == pipeline.run(np.zeros(8)).ticks == 2
    assert pipeline.capacity(100) > 0


def test_tiers_and_gaps_are_positive():
    times = tier_seconds(LoadSettings(group=8, topics=4), 50)
    assert set(times) == {"fabric", "bridge"}
    assert all((values > 0).all() for values in times.values())
    gaps, running, _ = host_gaps(0.01)
    assert (gaps > 0).all()
    assert running >= 0


def test_a_trial_has_measured_and_predicted_percentiles_in_order(trial):
    assert trial.table["arrivals"].tolist() == ["bursty", "poisson"]
    for row in trial.table.to_dict("records"):
        measured = [row[name] for name in ("p50", "p90", "p99", "p99.9")]
        assert measured == sorted(measured)
        assert row["p50_low"] <= row["p50"] <= row["p50_high"]
    assert trial.tiers["tier"].tolist() == ["bridge", "fabric"]
    assert trial.capacity_per_second > 0
    assert trial.figures()["rows"]


def with_row(trial, **changed):
    table = trial.table.iloc[:1].assign(
        **{"load": 0.8, "p99": 1e-4, "p99_low": 1e-4, "p99_high": 1e-4, "p50": 1e-5}
        | {"p99_error": 0.0, "disturbed": 0.0}
        | changed
    )
    return replace(trial, table=table)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "pass"),
        ({"p99_error": 0.5}, "fail"),
        ({"p99_error": -0.5, "disturbed": 0.2}, "inconclusive"),
        ({"p99_error": 0.5, "p99_high": 2e-4}, "inconclusive"),
        ({"p99_error": float("nan")}, "fail"),
        ({"p99": 2e-3, "p99_low": 2e-3, "p99_high": 2e-3}, "fail"),
    ],
)
def test_a_miss_is_a_failure_only_where_the_host_was_quiet(trial, changed, outcome):
    quick = trial.tiers.assign(p50=1e-7, p99=1e-6)
    found = judgements(replace(with_row(trial, **changed), tiers=quick), load_specification())
    assert overall(found) == outcome
    fabric = [one for one in found if one.criterion.startswith("fabric")]
    assert {one.outcome for one in fabric} == {"inconclusive"}
    assert "no RDMA hardware" in fabric[0].why


def test_budgets_are_the_specifications():
    budgets = load_specification().budget_seconds
    assert budgets == pytest.approx({"fabric": 5e-6, "bridge": 50e-6, "plane": 1e-3})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loads": "0.5,1"}, "above 0 and below 1"),
        ({"loads": "x"}, "valid number"),
        ({"arrivals": "rain"}, "'poisson', 'periodic' or 'bursty'"),
        ({"group": 0}, "greater than or equal to 1"),
        ({"batches": 1}, "greater than or equal to 1000"),
        ({"load": 1}, "Extra inputs"),
    ],
)
def test_bad_input_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        LatencyCampaign.model_validate(given)
