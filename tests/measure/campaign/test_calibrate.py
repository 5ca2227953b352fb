"""Calibrating within a budget: the noise gate, the next best point, drift."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel import thresholds
from aethermodel.measure.campaign import calibrate, drift
from aethermodel.measure.campaign.calibrate import calibrate_host, next_best, noisy_terms
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.campaign.drift import check_drift, reach
from aethermodel.measure.campaign.stored_calibrations import load_calibration
from aethermodel.measure.sampling.sampler import CALM_SECONDS

SMALL = Campaign(batch_sizes=(8,), topics=2, pool=1, processes=1, repeats=2)


def test_the_gate_names_what_is_noisy():
    assert noisy_terms(synthetic_calibration(noise=0.03)) == {}
    assert set(noisy_terms(synthetic_calibration(noise=0.3))) == {"loop", "ffi", "kernel", "fabric"}


def test_one_process_samples_every_term_however_short_the_budget():
    """And what it lacks is said, so that no host is too slow to be calibrated."""
    many = SMALL.model_copy(update={"processes": 100})
    calibration = calibrate_host(many, seconds=0.001)
    assert calibration.laws.keys() == {"loop", "ffi", "kernel", "fabric", "refill"}
    assert calibration.copies[0]
    said = calibration.warnings
    assert any(text.startswith("longer than its budget of 0.001 s: ") for text in said)
    once = SMALL.plan(whole=False).samples
    assert f"cut short: {once} of {100 * once} samples fitted into the time budget" in said
    for term in noisy_terms(calibration):
        assert any(f"inconclusive: {term} is noisy" in text for text in said)


def test_a_refinement_samples_the_next_best_point(monkeypatch):
    """Once, and without a look at what a busy host made noisy."""
    monkeypatch.setattr(thresholds, "MOST_NOISE", np.inf)
    monkeypatch.setattr(thresholds, "WORTHWHILE_SHRINKAGE", np.inf)
    monkeypatch.setattr(thresholds, "RETRIES", 0)
    refined, steps = [], []

    def next_best_once(*known):
        if not refined:
            refined.append(next_best(*known))
            return refined[0]
        return None

    monkeypatch.setattr(calibrate, "next_best", next_best_once)
    calibrate_host(SMALL, lambda *step: steps.append(step), seconds=1e6, refine=True)
    ((_, repeats),) = refined
    assert steps[-1] == 2 * (SMALL.plan(whole=False).samples + repeats,)


def test_refinement_stays_off_the_batch_sizes_that_are_predicted():
    campaign = Campaign(batch_sizes=(1024, 4096), topics=16)
    best = next_best(synthetic_calibration(noise=0.08), campaign)
    assert best is not None
    point, repeats = best
    assert 1 <= repeats <= campaign.repeats
    assert point.probe in ("loop", "ffi", "kernel", "fabric")
    if point.probe == "loop":
        assert 1 <= point.settings["calls"] <= 16
    else:
        assert point.settings["batch_size"] not in campaign.batch_sizes


def test_refinement_ends_when_the_time_is_too_short_for_a_sample():
    campaign = Campaign(batch_sizes=(1024, 4096), topics=16)
    noisy = synthetic_calibration(noise=0.08)
    assert next_best(noisy, campaign, 0.99 * CALM_SECONDS) is None
    best = next_best(noisy, campaign, 1.01 * CALM_SECONDS)
    assert best is not None and best[1] == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_budget_is_above_zero(seconds):
    with pytest.raises(ValueError, match="time budget"):
        calibrate_host(SMALL, seconds=seconds)


def test_a_term_that_moved_is_stale(monkeypatch):
    """A millisecond a call into the library is not what any host needs, as few samples show."""
    monkeypatch.setattr(thresholds, "DRIFT_PROCESSES", 2)
    monkeypatch.setattr(thresholds, "DRIFT_REPEATS", 2)
    monkeypatch.setattr(thresholds, "RETRIES", 0)
    calibration = synthetic_calibration(t_ffi=1e-3)
    drifts = {one.term: one for one in check_drift(calibration)}
    assert set(drifts) == {"loop", "ffi", "kernel", "fabric"}
    ffi = drifts["ffi"]
    assert ffi.disturbed or str(ffi).startswith("stale: ffi moved \N{MINUS SIGN}")
    assert ffi.stale != ffi.disturbed


def retaken(factor, seed):
    """Sample the true laws in place of the host; the border takes `factor` times as long."""
    rng = np.random.default_rng(seed)

    def take(plan, _progress):
        rows = []
        for point in plan.points:
            at = point.settings["calls" if point.probe == "loop" else "batch_size"]
            fixed, slope = {
                "loop": (TRUE["t_tick"], TRUE["t_call"]),
                "ffi": (factor * TRUE["t_ffi"], 0.0),
                "kernel": (TRUE["t_kernel"], TRUE["t_event"]),
                "fabric": (TRUE["t_fabric"], 0.0),
            }[point.probe]
            for process, _ in product(range(plan.processes), range(plan.repeats)):
                seconds = (fixed + slope * at) * (1 + 0.02 * rng.standard_normal())
                rows.append((point.probe, at, at, process, seconds, True, False))
        names = ["probe", "batch_size", "calls", "process", "seconds", "final", "noisy"]
        return pd.DataFrame(rows, columns=names)

    return take


@pytest.mark.parametrize(("factor", "least", "most"), [(1.09, 45, 50), (1.0, 0, 4)])
def test_drift_sees_a_term_that_moved_9_percent_and_only_that(factor, least, most, monkeypatch):
    """At 2 % noise, from five processes at calibration and three afresh."""
    calibration = synthetic_calibration(0.02, seed=0)
    stale = []
    for seed in range(50):
        monkeypatch.setattr(drift, "take_samples", retaken(factor, seed))
        seen = {one.term: one for one in check_drift(calibration)}
        assert not any(one.disturbed for one in seen.values())
        stale.append(seen["ffi"].stale)
    assert least <= sum(stale) <= most


def test_where_processes_differ_a_few_fresh_ones_prove_little():
    alike, differing = (synthetic_calibration(0.01, seed=0, between=b) for b in (0, 0.05))
    widths = []
    for calibration in (alike, differing):
        mean, below, above = reach(calibration.laws["ffi"], np.array([1.0]), [12], 3)
        widths.append((below + above) / mean)
    assert widths[1] > 2 * widths[0]


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match="aethermodel calibrate --json"):
        load_calibration(tmp_path / "none.json")
