"""A calibration file is read back as it was, on its own host only, and merged with its like."""

import json
from pathlib import Path

import pytest
from synthetic_calibration import HOST, synthetic_calibration

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.merged_calibration import merge

SAMPLES = Path(__file__).parents[3] / "data" / "calibrations"


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "calibration.json"
    target.write_text(json.dumps(synthetic_calibration().to_json()))
    return target


def test_it_comes_back_with_its_samples_ceiling_and_warnings(tmp_path):
    before = synthetic_calibration().warned("inconclusive: loop is noisy")
    path = tmp_path / "c.json"
    path.write_text(json.dumps(before.to_json()))
    after = Calibration.load(path)
    assert after.samples == before.samples
    assert after.warnings == before.warnings
    assert after.copy_rates()["per_second"].tolist() == pytest.approx([1e7, 5e8])
    assert after.to_json() == before.to_json()


def test_another_host_is_refused_unless_it_is_asked_for(path):
    assert Calibration.load(path, host_id=HOST["id"]).warnings == ()
    with pytest.raises(ValueError, match="was taken on host 0123456789ab, this is other"):
        Calibration.load(path, host_id="other")
    foreign = Calibration.load(path, host_id="other", foreign=True)
    assert foreign.warnings[0].startswith("foreign: calibrated on host 0123456789ab")
    assert foreign.to_json()["warnings"] == list(foreign.warnings)


def test_parameters_have_units_intervals_source_and_date(path):
    content = json.loads(path.read_text())
    assert content["created"].startswith("2026-01-01")
    for parameter in content["parameters"].values():
        assert parameter["low"] <= parameter["value"] <= parameter["high"]
        assert parameter["unit"] in ("s", "s/event", "s/call")
        assert "probe, 2026-01-01, host 0123456789ab" in parameter["source"]


@pytest.mark.parametrize(
    "broken",
    [
        "[]",
        "{}",
        "nonsense",
        '{"schema": "aethermodel.calibration/1"}',
        '{"schema": "aethermodel.calibration/1", "host": {"id": 1}}',
        '{"schema": "aethermodel.calibration/2"}',
        '{"schema": "aethermodel.calibration/3"}',
    ],
)
def test_what_is_no_calibration_is_refused_in_one_line(broken, path):
    path.write_text(broken)
    with pytest.raises(ValueError, match=r"calibration\.json: not (a calibration|JSON)"):
        Calibration.load(path)


def test_changed_samples_are_refused(path):
    content = json.loads(path.read_text())
    content["samples"]["kernel"]["seconds"][3] *= 1.001
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="do not match their hash"):
        Calibration.load(path)


def test_merging_narrows_the_interval_and_keeps_what_has_to_be_known():
    parts = [synthetic_calibration(seed=seed) for seed in range(4)]
    parts[0] = parts[0].warned("cut short")
    whole = merge(parts)
    assert whole.created == parts[3].created
    assert whole.warnings == ("cut short",)
    widths = [p.parameters["t_event"].high - p.parameters["t_event"].low for p in (*parts, whole)]
    assert widths[-1] < min(widths[:-1])
    assert len(whole.samples["ffi"][0]) == 4 * len(parts[0].samples["ffi"][0])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 0}, "given twice"),
        ({"seed": 1, "topics": 8}, "differ in topics"),
        ({"seed": 1, "host": {"id": "x"}}, "differ in host id"),
        ({"seed": 1, "host": {"python": "3.99"}}, "differ in host python"),
    ],
)
def test_what_does_not_belong_together_is_not_merged(other, message):
    with pytest.raises(ValueError, match=message):
        merge([synthetic_calibration(), synthetic_calibration(**other)])


def test_nothing_is_not_merged():
    with pytest.raises(ValueError, match="no calibration to merge"):
        merge([])


def test_findings_speak_of_the_models_parameters():
    assert any(
        text.startswith("ffi: t_ffi_event, the growth with N, cannot be distinguished from zero")
        for text in synthetic_calibration().findings
    )


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_sample_calibrations_are_of_another_host_and_predict(loop):
    path = SAMPLES / f"{loop}.json"
    with pytest.raises(ValueError, match="was taken on host"):
        Calibration.load(path, host_id="elsewhere")
    calibration = Calibration.load(path, host_id="elsewhere", foreign=True)
    assert calibration.conditions.event_loop == loop
    assert "foreign" in calibration.warnings[-1]
    found = calibration.predict([1, 10_000])
    assert (found.low <= found.seconds).all() and (found.seconds <= found.high).all()


def test_the_sample_calibrations_have_every_term_that_is_measured_today():
    for path in SAMPLES.glob("*.json"):
        calibration = Calibration.load(path)
        assert {"loop", "ffi", "kernel", "fabric", "refill"} <= calibration.laws.keys()
        assert calibration.conditions.variant
        assert not calibration.warnings or "cut short" in calibration.warnings[0]
