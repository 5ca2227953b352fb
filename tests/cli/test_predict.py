"""Calibrations on the command line, and what `predict` tells from them."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from command_line import aether, quickly
from synthetic_calibration import synthetic_calibration

import aethermodel
from aethermodel.measure.host.fingerprint import this_host


def test_calibrate_writes_a_calibration(tmp_path):
    target = tmp_path / "calibration.json"
    done = quickly(
        *("calibrate", "--topics", "4", "--processes", "1", "--repeats", "1"),
        *("--seconds", "0.1", "--json", str(target)),  # one pass over all, and no more
    )
    assert done.returncode == 0, done.stderr
    assert "t_event" in done.stdout
    assert aethermodel.Calibration.load(target).predict([100]).seconds[0] > 0
    checked = quickly("calibrate", "--check", str(target), "--json", "-")
    document = json.loads(checked.stdout)
    terms = ["loop", "ffi", "kernel", "fabric", "refill"]
    assert [drift["term"] for drift in document["terms"]] == terms
    assert checked.returncode == (1 if document["stale"] else 0)


@pytest.fixture
def foreign(tmp_path):
    target = tmp_path / "foreign.json"
    target.write_text(json.dumps(synthetic_calibration().to_json()))
    return target


def test_predict_answers_with_intervals_and_marks_what_is_assumed(foreign):
    done = aether(
        *("predict", "-c", str(foreign), "--foreign", "-n", "1,256", "--set", "t_tick=1e-6"),
        *("--optimum", "--within", "1ms", "--rate", "5e6", "--sensitivity", "256"),
        *("--bottlenecks", "--roofline", "--nic", "connectx-6", "--cores", "2", "--json", "-"),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "aethermodel.predict/1"
    assert document["host"]["id"] == "0123456789ab"
    assert document["fabric"] == "simulated"
    assert document["warnings"][0].startswith("foreign")
    assert document["parameters"]["t_tick"]["origin"] == "assumed"
    assert document["parameters"]["t_call"]["origin"] == "measured"
    for row in document["rows"]:
        assert row["low_seconds"] <= row["seconds"] <= row["high_seconds"]
        assert sum(row["budget_seconds"].values()) == pytest.approx(row["seconds"])
    assert len(document["optima"]) == 5
    assert any("within 1.00 ms" in goal["goal"] for goal in document["optima"])
    assert {"sensitivity", "bottlenecks", "roofline", "best_rate_per_second"} <= document.keys()


def test_every_size_beyond_the_calibration_is_marked():
    shipped = Path(__file__).parents[2] / "data" / "calibrations" / "uvloop.json"
    done = aether("predict", "-c", shipped, "--foreign", "--optimum", "--within", "1ms")
    assert done.returncode == 0, done.stderr
    # Both, the size and the end of its interval; the shares of the best rate end at the largest.
    assert re.search(r"within 1\.00 ms +[\d,]+\* +[\d,]+ to [\d,]+\* ", done.stdout)
    assert re.search(
        r"^90 % of the best rate +[\d,]+ +[\d,]+ to [\d,]+ +49,152$", done.stdout, re.M
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--serial", "0.1"), "--serial goes with --cores"),  # its answer did not say so
        (("--serial", "nan", "--cores", "2"), "the serial share between 0 and 1"),
        (("--curve", "a"), "--curve is for a law file"),
        (("--at", "10"), "--at is for a law file"),
        (("--nic", ""), "no card"),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(foreign, words, message):
    done = aether("predict", "-c", str(foreign), "--foreign", *words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line


def test_predict_prints_its_warnings_and_labels(foreign):
    done = aether("predict", "-c", str(foreign), "--foreign", "--optimum", "--sensitivity", "9")
    assert done.returncode == 0
    assert "warning: " in done.stderr and "foreign" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "[loopback, measured]" in done.stdout


def test_predict_refuses_another_hosts_calibration(foreign):
    done = aether("predict", "-c", str(foreign))
    assert done.returncode == 2
    assert "--foreign" in done.stderr


def test_a_prediction_beyond_the_calibration_is_marked(foreign):
    done = aether("predict", "-c", str(foreign), "--foreign", "-n", "100,1e6", "--json", "-")
    document = json.loads(done.stdout)
    assert document["calibrated_to"] == 12288
    assert [row["extrapolated"] for row in document["rows"]] == [False, True]
    shown = aether("predict", "-c", str(foreign), "--foreign", "-n", "100,1e6").stdout
    assert "1,000,000* " in shown
    assert "* extrapolated: beyond N = 12,288, the largest that was calibrated" in shown


def test_remarks_are_one_line_unless_all_are_asked_for(tmp_path):
    kept = str(files("aethermodel") / "data/calibrations/uvloop.json")
    one = aether("predict", "-c", kept, "--foreign")
    (line,) = one.stderr.splitlines()
    assert line.startswith("warning: ") and "remarks on the calibration" in line
    assert "warning" not in one.stdout
    every = aether("predict", "-c", kept, "--foreign", "-v")
    assert len(every.stderr.splitlines()) == int(line.split()[1])


VERDICTS = ("stale", "inconclusive", "fresh")


def test_a_prediction_from_a_stale_calibration_ends_with_1(tmp_path):
    here = this_host().model_dump(mode="json")
    known = tmp_path / "calibration.json"
    known.write_text(json.dumps(synthetic_calibration(host=here).to_json()))
    done = quickly("predict", "-c", str(known), "--check")
    assert done.returncode == (1 if "stale: " in done.stderr else 0)
    assert "T_batch" in done.stdout
    told = [line for line in done.stderr.splitlines() if line.split(":")[0] in VERDICTS]
    for term in ("loop", "ffi", "kernel", "fabric"):  # a term that holds is told as well
        assert sum(term in line for line in told) == 1


@pytest.mark.parametrize(
    ("rate", "row"),
    [
        ("1e12", r"never\* +never +none"),  # what no size reaches is said once
        ("2.48e8", r"[\d,]+\* +[\d,]+ or more, or never +\d"),  # by the law 250 M msg/s at most
        ("1e8", r"[\d,]+ +[\d,]+ to [\d,]+ "),
    ],
)
def test_a_rate_that_may_never_be_reached(foreign, rate, row):
    done = aether("predict", "-c", str(foreign), "--foreign", "--optimum", "--rate", rate)
    # Where the window is narrow, the row goes on in a second table under the same key.
    said = " ".join(re.findall(r"^at least \S+ M events/s(.*)$", done.stdout, re.MULTILINE))
    assert re.search(rf"^ *{row}", said), done.stdout
