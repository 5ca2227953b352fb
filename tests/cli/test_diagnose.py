"""`aethermodel bench extreme --diagnose` as users call it."""

import json

import pytest
from command_line import aether
from synthetic_calibration import synthetic_calibration

from aethermodel.measure.host.fingerprint import this_host


def extreme(*arguments):
    return aether("bench", "extreme", *arguments)


def test_the_diagnosis_takes_a_calibration_and_stands_in_the_document(tmp_path):
    known = tmp_path / "calibration.json"
    content = synthetic_calibration(topics=2, host={"id": this_host().id}).to_json()
    known.write_text(json.dumps(content))
    done = extreme(
        *("--diagnose", "-c", str(known), "--batches", "20", "--batch-size", "50"),
        *("--topics", "2", "--loop", "asyncio", "--json", "-"),
    )
    document = json.loads(done.stdout)
    assert document["fabric"] == "loopback"
    found = document["diagnosis"]
    assert found["model"]["source"].startswith("calibration of 2026-01-01")
    names = [term["name"] for term in found["model"]["terms"]]
    assert sorted(names) == ["fabric", "ffi", "kernel", "loop"]
    assert all(
        one["basis"] == "measured" and isinstance(one["gain"], float) for one in found["advice"]
    )
    assert found["allocations"]["blocks"] > 0
    assert done.returncode == (0 if document["ready"] else 1)


def test_the_mocked_core_is_diagnosed_on_the_console():
    done = extreme("--core", "mocked", "--diagnose", "--batches", "20", "--batch-size", "50")
    assert "What each lever gains" in done.stdout
    assert "measured" in done.stdout
    assert "what halving it would gain, by the model" in done.stdout
    assert "pulling levers" in done.stderr


def test_a_calibration_of_other_conditions_is_refused_before_anything_is_measured(tmp_path):
    known = tmp_path / "calibration.json"
    content = synthetic_calibration(topics=2, host={"id": this_host().id}).to_json()
    known.write_text(json.dumps(content))
    # As many batches as would take hours.
    done = extreme("--diagnose", "-c", str(known), "--batches", "10000000", "--loop", "asyncio")
    assert done.returncode == 2
    assert "topics 2, not 16" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-c", "missing.json"], "--diagnose"),
        (["--diagnose", "-c", "missing.json"], "missing.json"),
        (["--diagnose", "--probe-seconds", "0"], "--probe-seconds"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(arguments, message):
    done = extreme(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
