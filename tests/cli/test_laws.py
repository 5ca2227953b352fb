"""Commands on laws of one's own: fit, predict, recommend, gate, history, diff."""

import json
import re
from pathlib import Path

import pytest
from own_laws import EACH, FIXED, affine, write_csv
from test_bad_input import call, refused

from aethermodel.laws.law_group import Laws

__all__ = ["call"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A law file, a history of five runs, and samples as CSV."""
    folder = tmp_path_factory.mktemp("laws")
    Laws({"": affine()}).save(folder / "law.json")
    (folder / "runs").mkdir()
    for seed in range(5):
        Laws({"": affine(seed=seed)}).save(folder / "runs" / f"{seed}.json")
    Laws({"": affine(2 * FIXED, seed=9)}).save(folder / "worse.json")
    write_csv(folder / "a.csv", lambda n: FIXED + EACH * n)
    write_csv(folder / "b.csv", lambda n: 1.5 * (FIXED + EACH * n), seed=1)
    return folder


def test_fit_shows_law_picture_and_answers(call, files):
    status, said, _ = call("fit", str(files / "a.csv"), "--rate", "1e5", "--p99", "2ms")
    assert status == 0
    assert "affine" in said
    assert "c0" in said
    assert "o" in said
    assert "at least 100,000 n/s: N = 2" in said
    assert re.search(r"best rate with T within 2.00 ms: N = [56][0-9]{2}\b", said)
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("at", [(), ("--at", "p=8")])
def test_fit_draws_a_law_of_two_variables_at_one_value(call, at):
    """It ended with "give values of p" and status 2, its law already printed."""
    sample = Path(__file__).parents[1] / "readers" / "samples" / "extra_p.jsonl"
    status, said, told = call("fit", str(sample), "--unit", "s", *at)
    assert status == 0, told
    assert "holds from 10 to 40" in said
    value = re.search(r"^p=(\d+)$", said, re.MULTILINE)
    assert value is not None and (not at or value[1] == "8")
    assert said.count("|") > 5 and ("best rate" in said) == bool(at)


def test_fit_writes_a_law_file_that_other_commands_take(call, files):
    status, _, _ = call("fit", str(files / "a.csv"), "-o", "law.json", "--json", "fit.json")
    assert status == 0
    document = json.loads(open("fit.json").read())  # noqa: SIM115, PTH123
    assert document["schema"] == "aethermodel.fit/1"
    assert len(document["laws"]) == len(document["answers"]) == 1
    status, said, _ = call("predict", "law.json", "-n", "100,1e6", "--json", "-")
    rows = json.loads(said)["rows"]
    assert status == 0
    assert rows[0]["seconds"] == pytest.approx(FIXED + 100 * EACH, rel=0.03)
    assert rows[0]["low_seconds"] <= rows[0]["seconds"] <= rows[0]["high_seconds"]
    assert [row["extrapolated"] for row in rows] == [False, True]
    assert "law.json exists" in refused(call, "fit", str(files / "a.csv"), "-o", "law.json")


def test_predict_prints_a_law_and_refuses_what_only_a_calibration_has(call, files):
    law = str(files / "law.json")
    status, said, _ = call("predict", law, "-n", "1,1e6", "--optimum", "--rate", "1e5")
    assert status == 0
    assert "1,000,000*" in said
    assert "95 % of the best rate: every N from" in said
    assert "--cores needs a calibration" in refused(call, "predict", law, "--cores", "2")


def test_recommend_prints_the_settings_of_a_system(call, files):
    words = ["recommend", str(files / "law.json"), "--rate", "40e3", "--p99", "5ms"]
    status, said, _ = call(*words, "--system", "kafka", "--record-bytes", "100")
    assert status == 0
    assert "  linger.ms = 3 (ms)" in said
    assert "https://kafka.apache.org" in said
    assert "Assumes Poisson arrivals" in said
    assert "batch.size of Kafka producer is in bytes" in refused(call, *words, "--system", "kafka")


def test_gate_ends_with_the_status_of_its_verdict(call, files):
    runs, law, worse = (str(files / name) for name in ("runs", "law.json", "worse.json"))
    status, said, _ = call("gate", runs, worse, "--limit", "T(1)=+5%", "--summary", "s.md")
    assert status == 1
    assert "WORSE THAN THE LIMIT (5 and 1 runs" in said
    assert "| ❌ worse | T\\(1\\) |" in open("s.md").read()  # noqa: SIM115, PTH123
    assert call("gate", runs, law, "--limit", "T(1)=+20%")[0] == 0
    assert call("gate", law, law)[0] == 3
    status, said, _ = call("gate", runs, worse, "--limit", "c0=+5%", "--json", "-")
    (row,) = json.loads(said)["rows"]
    assert (status, row["outcome"]) == (1, "worse")
    assert row["low"] < row["ratio"] < row["high"]


def test_gate_fits_samples_of_any_format(call, files):
    a, b = str(files / "a.csv"), str(files / "b.csv")
    assert call("gate", a, b, "--limit", "T(100)=+10%")[0] == 1
    assert call("gate", b, a, "--limit", "T(100)=+10%")[0] == 0


def test_history_keeps_laws_and_marks_changes(call, files):
    for at in range(8):
        source = files / ("worse.json" if at >= 5 else f"runs/{at}.json")
        words = ["--commit", f"c{at}", "--host", "h", "--date", f"2026-01-0{at + 1}"]
        assert call("history", "add", str(source), *words)[0] == 0
    status, said, _ = call("history", "show", "--at", "1", "--parameter", "c0")
    assert status == 0
    assert "T(1): +9" in said
    assert "since commit c5 (h)" in said
    _, said, _ = call("history", "show", "--json", "-")
    tracks = {track["quantity"]: track for track in json.loads(said)["tracks"]}
    begins = [point["level_begins"] for point in tracks["T(1)"]["points"]]
    assert begins == [False] * 5 + [True] + [False] * 2


def test_diff_takes_measurements_of_any_format(call, files):
    status, said, _ = call("diff", str(files / "a.csv"), str(files / "b.csv"), "-o", "d.html")
    assert status == 1
    assert "WORSE" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "none.csv"], "none.csv"),
        (["fit", "empty.csv"], "empty.csv"),
        (["fit", "a.csv", "--rate", "fast"], "--rate"),
        (["fit", "a.csv", "--p99", "-1ms"], "--p99"),
        (["fit", "a.csv", "--arrivals", "never"], "arrivals"),
        (["fit", "a.csv", "--record-bytes", "0"], "size"),
        (["recommend", "law.json", "--rate", "1e9", "--p99", "5ms"], "servers"),
        (["recommend", "law.json", "--rate", "1e3", "--p99", "1us"], "no room for two"),
        (["recommend", "law.json", "--rate", "1", "--p99", "5ms", "--system", "x"], "kafka"),
        (["recommend", "law.json", "--rate", "1", "--p99", "5ms", "--curve", "x"], "no curve 'x'"),
        (["gate", "law.json", "law.json", "--limit", "T(1)"], "a limit is written"),
        (["gate", "law.json", "law.json", "--spread", "x"], "--spread"),
        (["gate", "law.json", "none.json"], "none.json"),
        (["gate", "law.json", "."], "."),
        (["gate", "law.json", "a.csv", "--summary", "law.json"], "law.json"),
        (["history", "show"], "no entries"),
        (["history", "add", "law.json", "--commit", "a/b"], "commit"),
        (["history", "add", "law.json", "--commit", "a", "--date", "x"], "--date"),
    ],
)
def test_bad_input_is_one_line(call, files, tmp_path, words, message):
    (tmp_path / "empty.csv").touch()
    for name in ("law.json", "a.csv"):
        (tmp_path / name).write_bytes((files / name).read_bytes())
    assert message in refused(call, *words)
