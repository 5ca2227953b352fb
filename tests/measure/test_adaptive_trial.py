"""The campaign of adaptive batching: exact sizes served, honest verdicts, bad input."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_calibration import synthetic_calibration

from aethermodel.bus import AdaptiveSize, FixedSize
from aethermodel.measure.adaptive import ADAPTIVE, WHATEVER, AdaptiveCampaign, AdaptiveTrial
from aethermodel.measure.adaptive_verdict import adaptive_judgements
from aethermodel.measure.budgets import overall
from aethermodel.measure.load import LoadedPipeline, LoadSettings
from aethermodel.report import adaptive as report

QUICK = AdaptiveCampaign(
    sizes="1,16",
    loads="0.2,0.5",
    arrivals="poisson",
    group=16,
    processes=1,
    seconds=0.01,
    retries=0,
)


@pytest.fixture(scope="module")
def trial():
    seen = []
    found = AdaptiveTrial.run(QUICK, synthetic_calibration(topics=4), lambda *d: seen.append(d))
    assert seen[-1] == (2, 2)
    return found


def test_the_pipeline_forms_the_batches_that_a_rule_asks_for():
    pipeline = LoadedPipeline(LoadSettings(group=8, largest=16, topics=4))
    run = pipeline.run(np.zeros(100), FixedSize(16))
    assert run.sizes.tolist() == [16] * 6 + [4]
    assert run.ticks == 7
    slow = pipeline.run(np.arange(12) * 1e-3, FixedSize(4))
    assert slow.sizes.tolist() == [4, 4, 4]
    assert slow.latencies.max() >= 3e-3  # the first of four waits for the last
    with pytest.raises(ValueError, match="a tick takes 16 batches, not 17"):
        pipeline.run(np.zeros(1), FixedSize(17))


def test_a_trial_compares_every_rule_at_every_load(trial):
    assert trial.table["rule"].tolist() == 2 * [ADAPTIVE, WHATEVER, "fixed 16", "fixed 256"]
    fixed = trial.table[trial.table["rule"] == "fixed 256"]
    assert (fixed["size_p50"] == 256).all()
    assert (fixed["ideal_p99"] > 0).all()
    own = trial.table[trial.table["rule"] == ADAPTIVE]
    assert (own["size_p95"] <= 16 * trial.ladder.sizes[-1]).all()
    assert (own["ticks_per_million"] <= 1e6 / 16).all()
    assert trial.saturated_share() > 0
    assert trial.figures()["ladder"]["events"][0] == 16


def test_the_figure_and_the_verdict_name_the_rules_and_the_target(trial):
    assert "adaptive" in str(report.adaptive_figure(trial)._repr_html_())
    assert "1.00 ms" in str(report.verdict(trial))


def with_rows(trial, share=1.0, **changed):
    defaults = {"p99": 5e-4, "p99_low": 5e-4, "p99_high": 5e-4, "disturbed": 0.0, "load": 0.8}
    table = trial.table.assign(**defaults | {"delivered_per_second": 1e6} | changed)
    rates = trial.saturated.assign(per_second=1e8)
    rates.loc[rates["rule"] == ADAPTIVE, "per_second"] = share * 1e8
    return replace(trial, table=table.iloc[:4], saturated=rates)


@pytest.mark.parametrize(
    ("share", "changed", "outcome"),
    [
        (1.0, {}, "pass"),
        (0.91, {}, "pass"),
        (0.89, {}, "fail"),
        (1.0, {"p99": 2e-3}, "fail"),
        (1.0, {"p99": 2e-3, "disturbed": 0.3}, "inconclusive"),
        (1.0, {"p99": 2e-3, "p99_high": 9e-3}, "inconclusive"),
        (1.0, {"delivered_per_second": 2 * [1e6, 1e6, 2e6, 3e6]}, "fail"),
    ],
)
def test_a_miss_is_a_failure_only_where_the_host_was_quiet(trial, share, changed, outcome):
    assert overall(adaptive_judgements(with_rows(trial, share, **changed))) == outcome


def test_the_ladder_is_the_calibrations():
    ladder = AdaptiveCampaign().ladder(synthetic_calibration(noise=0.0))
    assert ladder.seconds[0] == pytest.approx(5.85e-6 + 512 * 4e-9, rel=1e-6)
    sizer = AdaptiveSize(ladder)
    assert sizer.most * 512 * 4e-9 < 1e-3 / 4
    with pytest.raises(ValueError, match="no room"):
        AdaptiveCampaign(target_seconds=1e-6).ladder(synthetic_calibration())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target_seconds": 0}, "greater than 0"),
        ({"sizes": "0,1"}, "1 to 1024"),
        ({"sizes": ()}, "at least 1 item"),
        ({"loads": "0.5,1"}, "above 0 and below 1"),
        ({"arrivals": "rain"}, "'poisson', 'periodic' or 'bursty'"),
        ({"seconds": 0}, "greater than 0"),
        ({"batches": 1}, "Extra inputs"),
    ],
)
def test_bad_input_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        AdaptiveCampaign.model_validate(given)
