"""The campaign of adaptive batching: exact sizes served, honest verdicts, bad input."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from synthetic_calibration import synthetic_calibration

from aethermodel.bench.latency.adaptive import ADAPTIVE, WHATEVER, AdaptiveCampaign, AdaptiveTrial
from aethermodel.bench.latency.adaptive_verdict import adaptive_judgements
from aethermodel.bench.latency.latency_verdict import overall
from aethermodel.bench.latency.load import LoadedPipeline, LoadSettings
from aethermodel.bus import AdaptiveSize, FixedSize
from aethermodel.report.figures import adaptive as report

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
    assert seen == [(0, 1), (1, 1)]
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


def test_runs_that_were_taken_again_are_counted(trial):
    """Only the least disturbed run of each was carried: what the host does was not to be seen."""
    assert (trial.runs["attempts"] >= 1).all()
    tries = trial.runs.groupby(["arrivals", "load", "rule"])["attempts"].agg(["size", "sum"])
    for row in trial.table.itertuples():
        size, attempts = tries.loc[(row.arrivals, row.load, row.rule)]
        assert row.share_left_out == pytest.approx(1 - size / attempts)
        assert row.p99_all > 0


def with_rows(trial, share=1.0, **changed):
    """Three processes at 80 % load; `share` may be one a process."""
    defaults = {"load": 0.8, "p99": 5e-4, "disturbed": 0.0, "switched": 0.0, "stolen": 0.0}
    defaults["shared"] = 0.0
    delivered = changed.pop("delivered", 1.0)
    defaults |= {"p99_median_low": 5e-4, "p99_median_high": 5e-4}
    table = trial.table.iloc[:4].assign(**defaults | changed)
    full = pd.DataFrame(1e8, index=range(3), columns=table["rule"])
    full[ADAPTIVE] = 1e8 * np.array(share) * np.ones(3)
    rates = full.median().rename_axis("rule").rename("per_second").reset_index()
    runs = pd.DataFrame(
        [
            {
                "arrivals": "poisson",
                "load": 0.8,
                "rule": rule,
                "process": process,
                "delivered_per_second": 1e6 * (delivered if rule == ADAPTIVE else 1.0),
            }
            for rule in table["rule"]
            for process in range(3)
        ]
    )
    several = trial.campaign.model_copy(update={"processes": 3})
    return replace(trial, campaign=several, table=table, saturated=rates, full=full, runs=runs)


FAR = {"p99": 2e-3, "p99_median_low": 2e-3, "p99_median_high": 3e-3}


@pytest.mark.parametrize(
    ("share", "changed", "outcome"),
    [
        (1.0, {}, "pass"),
        (0.91, {}, "pass"),
        (0.89, {}, "fail"),
        ([0.8, 0.86, 0.89], {}, "fail"),  # every process misses: however they differ
        ([0.7, 0.86, 0.95], {}, "inconclusive"),
        (1.0, FAR, "fail"),
        (1.0, FAR | {"disturbed": 0.5, "switched": 0.5}, "fail"),  # half is no excuse
        (1.0, FAR | {"disturbed": 0.7, "switched": 0.7}, "inconclusive"),
        (1.0, FAR | {"p99_median_low": 9e-4}, "inconclusive"),
        (1.0, {"delivered": 0.5}, "fail"),
    ],
)
def test_a_miss_fails_unless_the_processes_or_the_system_leave_it_open(
    trial, share, changed, outcome
):
    assert overall(adaptive_judgements(with_rows(trial, share, **changed))) == outcome


def test_a_share_that_misses_its_limit_is_not_written_as_the_limit(trial):
    assert "at full speed: 89.6 %, threshold at least 90 % (fail)" in str(
        report.verdict(with_rows(trial, 0.896))
    )


def test_of_one_process_a_miss_says_nothing(trial):
    alone = replace(with_rows(trial, 0.5, **FAR), campaign=trial.campaign)
    found = adaptive_judgements(alone)
    assert overall(found) == "inconclusive" and "at least 3 --processes" in found[0].why


def test_the_reason_names_what_disturbed(trial):
    noisy = FAR | {"disturbed": 0.7, "switched": 0.6, "stolen": 0.2}
    found = adaptive_judgements(with_rows(trial, **noisy))
    assert "60 % preempted, 20 % had time stolen" in found[0].why
    found = adaptive_judgements(with_rows(trial, **FAR | {"p99_median_low": 9e-4}))
    assert found[0].why == "the processes leave it between 900 µs and 3,000 µs"


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
