"""Calibrating within a budget: the noise gate, the next best point, drift."""

import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.measure.calibrating import calibrate_host, next_best, noisy_terms
from aethermodel.measure.campaign import Campaign
from aethermodel.measure.drift import check_drift
from aethermodel.measure.known import load_calibration

SMALL = Campaign(batch_sizes=(8,), topics=2, pool=1, processes=1, repeats=2)


def test_the_gate_names_what_is_noisy():
    assert noisy_terms(synthetic_calibration(noise=0.03)) == {}
    assert set(noisy_terms(synthetic_calibration(noise=0.3))) == {"loop", "ffi", "kernel", "fabric"}


def test_what_is_still_noisy_or_missing_is_said():
    many = SMALL.model_copy(update={"processes": 100})
    calibration = calibrate_host(many, seconds=4)
    assert any(text.startswith("cut short: ") for text in calibration.warnings)
    for term in noisy_terms(calibration):
        assert any(f"inconclusive: {term} is noisy" in text for text in calibration.warnings)
    assert calibration.copies[0]


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
    assert next_best(noisy, campaign, 0.0049) is None
    best = next_best(noisy, campaign, 0.0051)
    assert best is not None and best[1] == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_budget_is_above_zero(seconds):
    with pytest.raises(ValueError, match="time budget"):
        calibrate_host(SMALL, seconds=seconds)


def test_a_term_that_moved_is_stale():
    """A millisecond a call into the library is not what any host needs."""
    calibration = synthetic_calibration(t_ffi=1e-3)
    drifts = {drift.term: drift for drift in check_drift(calibration)}
    assert set(drifts) == {"loop", "ffi", "kernel", "fabric"}
    ffi = drifts["ffi"]
    assert ffi.disturbed or str(ffi).startswith("stale: ffi moved -")
    assert ffi.stale != ffi.disturbed


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match="aethermodel calibrate --json"):
        load_calibration(tmp_path / "none.json")
