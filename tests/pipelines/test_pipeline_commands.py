"""Commands on a pipeline of one's own, as its users run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from command_line import aether
from executed_notebooks import raw_cells

from aethermodel.report.notebooks import calibration, load, validation, what_if

OWN = """
import numpy as np
from aethermodel import Pipeline
pipeline = Pipeline("orders", record_bytes=256, largest=64)
@pipeline.source
def orders(n, rng):
    print("made", n)  # what is printed is in nobody's way
    return rng.random(n)
@pipeline.stage
def decode(batch):
    return np.sort(batch)
@pipeline.stage
async def publish(batch):
    batch.sum()
"""
QUICK = ("--processes", "1", "--repeats", "1", "--seconds", "20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pipeline with its calibration, and another one."""
    where = tmp_path_factory.mktemp("own")
    (where / "orders.py").write_text(OWN)
    (where / "other.py").write_text(OWN.replace('"orders"', '"other"'))
    done = aether("calibrate", "orders.py", *QUICK, "-n", "1,8,64", "--json", "c.json", cwd=where)
    assert done.returncode == 0, done.stderr
    return where


def test_a_calibration_has_a_law_for_each_stage_and_for_the_loop(folder):
    content = json.loads((folder / "c.json").read_text())
    assert content["schema"] == "aethermodel.pipeline/1"
    assert [term["name"] for term in content["terms"]] == ["decode", "publish", "loop"]


def test_predict_knows_the_pipeline_by_its_calibration(folder):
    done = aether("predict", "-c", "c.json", "-n", "1,32", "--optimum", "--json", "-", cwd=folder)
    found = json.loads(done.stdout)
    assert [row["n"] for row in found["rows"]] == [1, 32]
    row = found["rows"][1]
    assert row["low_seconds"] <= row["seconds"] <= row["high_seconds"]
    assert sum(row["budget_seconds"].values()) == pytest.approx(row["seconds"])
    assert found["optima"]


def test_a_term_that_is_assumed_faster_is_predicted_and_said(folder):
    base = json.loads(
        aether("predict", "-c", "c.json", "-n", "32", "--json", "-", cwd=folder).stdout
    )
    done = aether(
        "predict", "-c", "c.json", "-n", "32", "--set", "decode=x0.25", "--json", "-", cwd=folder
    )
    found = json.loads(done.stdout)
    saved = 0.75 * base["rows"][0]["budget_seconds"]["decode"]
    assert found["rows"][0]["seconds"] == pytest.approx(base["rows"][0]["seconds"] - saved)
    assert found["assumed"] == {"decode": 0.25}
    told = aether("predict", "-c", "c.json", "-n", "32", "--set", "decode=x0.25", cwd=folder)
    assert "assumed: decode x 0.25; it carries +" in told.stdout


def test_validate_runs_the_whole_and_times_its_terms_in_place(folder):
    done = aether(
        "validate", "orders.py", *QUICK, "-c", "c.json", "-n", "32", "--json", "-", cwd=folder
    )
    found = json.loads(done.stdout)
    assert done.returncode in (0, 1) and not done.stderr.count("Traceback")
    assert [row["n"] for row in found["rows"]] == [32]
    # On a busy host all of them may be disturbed, and then none is told.
    assert {one["term"] for one in found["in_place"]} <= {"decode", "publish", "loop"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("calibrate", "none.py"), "none.py: no such file"),
        (("calibrate", "orders.txt"), "a pipeline is declared in a Python file"),
        (("calibrate", "orders.py", "--fabric", "shm"), "--fabric is the built-in pipeline's"),
        (("calibrate", "orders.py", "-n", "1,2"), "a law needs at least 3 batch sizes"),
        (("calibrate", "orders.py", "--pin", "each"), "--pin each is the built-in pipeline's"),
        (("validate", "orders.py", "--pin", "9999"), "may not use core 9999"),
        (("validate", "-c", "c.json"), "--calibration is for a pipeline of your own"),
        (("bench", "optimum", "-c", "c.json"), "--calibration is for a pipeline of your own"),
        (
            ("bench", "optimum", "--pipeline", "orders.py", "--largest", "8"),
            "--largest is the built-in pipeline's",
        ),
        (("report", "orders.py", "--fabric", "shm"), "--fabric is the built-in pipeline's"),
        (("report", "orders.py", "--pipeline", "other.py"), "which one?"),
        (("report", "none.py"), "none.py: no such file"),
        (("predict", "-c", "c.json", "--pipeline", "other.py"), "c.json: of the pipeline orders"),
        (("predict", "-c", "c.json", "--topics", "4"), "--topics is not for a pipeline"),
        (("predict", "-c", "c.json", "--set", "decode=1e-6"), "a term and a factor, such as"),
        (("predict", "-c", "c.json", "--set", "score=x0.5"), "no term 'score'; there are decode"),
        (("predict", "-c", "c.json", "--set", "decode=x-1"), "a finite number above 0"),
        (("bench", "latency", "-c", "c.json"), "notebook 95_own_pipeline take it"),
        (("predict", "--pipeline", "orders.py"), "calibrate orders.py --json FILE"),
    ],
)
def test_bad_input_is_one_line(folder, arguments, said):
    done = aether(*arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_latency_is_measured_and_predicted_at_each_load(folder):
    done = aether(
        *("bench", "latency", "--pipeline", "orders.py", "-c", "c.json", "--group", "32"),
        *("--processes", "1", "--batches", "500", "--loads", "0.5,0.8", "--json", "-"),
        cwd=folder,
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert [row["load"] for row in found["rows"]] == [0.5, 0.8]
    for row in found["rows"]:
        assert 0 < row["p50"] <= row["p99"] and 0 < row["ideal_p50"] <= row["ideal_p99"]


def test_the_recommended_size_is_held_against_a_sweep_of_sizes(folder):
    done = aether(
        *("bench", "optimum", "--pipeline", "orders.py", "-c", "c.json", "--json", "-"),
        *("--processes", "1", "--repeats", "1"),
        cwd=folder,
    )
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    sizes = [row["n"] for row in found["rows"]]
    assert found["wanted_share"] == 0.97 and found["recommended"] in sizes
    assert sizes[0] == 1 and sizes[-1] == 64 and len(sizes) >= 12


def test_report_of_a_file_measures_that_pipeline(folder):
    done = aether(
        "report", "orders.py", *QUICK, "-c", "c.json", "-n", "32", "-o", "own.html", cwd=folder
    )
    assert done.returncode in (0, 1) and "own.html: " in done.stdout, done.stderr
    page = (folder / "own.html").read_text()
    assert "Pipeline orders" in page and "Back to back" in page
    assert not raw_cells(page)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("no_such_module", "(install the package that has it, or put no_such_module.py beside "),
        ("zmq.no_such_part", "(pip install pyzmq)"),
    ],
)
def test_a_package_that_is_missing_is_told_how_it_comes_in(tmp_path, module, said):
    (tmp_path / "own.py").write_text(f"import {module}\n")
    done = aether("calibrate", "own.py", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"own.py:1: ModuleNotFoundError: No module named '{module}'" in done.stderr
    assert said in done.stderr


def test_a_report_is_written_from_a_calibration(folder):
    done = aether("report", "c.json", "-o", "r.html", "--force", "--rate", "1e5", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "r.html").read_text()
    assert "Pipeline orders" in page and "Term publish" in page and "<script" not in page
    # Parameters of the composed law, such as publish_c0, stand nowhere on the page.
    assert not raw_cells(page) and not re.search(r"Cost of \w+_\w+ at", page)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--size", "n"), "--size is for measurements"),
        (("--format", "csv"), "--format is for measurements"),
        (("--calibration", "c.json"), "--calibration is for the store of a sweep"),
    ],
)
def test_options_of_other_inputs_are_refused_of_a_calibration(folder, more, message):
    done = aether("report", "c.json", "-o", "never.html", *more, cwd=folder)
    assert (done.returncode, message in done.stderr) == (2, True)
    assert not (folder / "never.html").exists()


def test_the_command_to_run_again_names_the_pipeline_as_it_was_named(folder):
    unset = dict.fromkeys(
        ("event_loop", "record_bytes", "topics", "pool", "processes", "repeats"), None
    )
    named, laws = f"{folder / 'orders.py'}:pipeline", str(folder / "c.json")
    known = calibration.calibration(named, laws, unset, foreign=False, seconds=9.0)
    assert f"aethermodel calibrate {named} --json" in str(known.host(""))


def test_a_gate_and_a_recommendation_take_a_calibration(folder):
    done = aether(
        "gate", "c.json", "c.json", "--pipeline", "orders.py", "--limit", "T(32)=+5%", cwd=folder
    )
    assert done.returncode in (0, 3), done.stderr
    refused = aether("gate", "c.json", "c.json", "--pipeline", "other.py", cwd=folder)
    assert refused.returncode == 2 and "of the pipeline orders, not other" in refused.stderr
    done = aether("recommend", "c.json", "--rate", "1e4", "--p99", "10ms", cwd=folder)
    assert done.returncode == 0 and "largest batch" in done.stdout


def test_a_sweep_of_terms_and_sizes_is_planned(folder):
    done = aether(
        *("sweep", "plan", "--pipeline", "orders.py", "-p", "term=decode,whole"),
        *("-p", "batch_size=1,64", "--json", "-"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["points"] == 4


def test_init_writes_what_runs(tmp_path):
    done = aether("init", "mine", cwd=tmp_path)
    mine = tmp_path / "mine"
    names = sorted(path.name for path in mine.iterdir())
    assert names == ["orders.ipynb", "orders.py", "sweep.toml", "test_orders.py"]
    assert "aethermodel calibrate orders.py" in done.stdout
    own = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "."],
        cwd=mine, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert own.returncode == 0, own.stdout
    planned = aether("sweep", "plan", "mine/sweep.toml", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert 'pipeline = \\"orders.py\\"' in (mine / "orders.ipynb").read_text()
    lines = [line for line in (mine / "orders.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 30
    again = aether("init", "mine", cwd=tmp_path)
    assert again.returncode == 2 and "exists: replace it by --force" in again.stderr


def test_what_was_measured_before_a_stage_failed_is_kept(tmp_path):
    body = OWN.replace("    batch.sum()", "    if len(batch) > 40: raise OSError('gone')")
    (tmp_path / "orders.py").write_text(body)
    done = aether(
        "calibrate", "orders.py", *QUICK, "-n", "1,4,16,64", "--json", "c.json", cwd=tmp_path
    )
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "orders.py: stage publish, N = 64: OSError: gone" in last and "c.json" in last
    kept = json.loads((tmp_path / "c.json").read_text())
    assert kept["terms"][0]["law"]["sizes"][-1] == 16
    assert any("calibrated up to N = 16" in text for text in kept["warnings"])


@pytest.mark.slow(reason="three notebooks run from top to bottom: 25 s")
def test_notebooks_of_the_built_in_pipeline_show_one_of_ones_own(folder):
    """What notebooks 20, 40 and 60 call; 30 runs what `validate` does."""
    file, laws = str(folder / "orders.py"), str(folder / "c.json")
    unset = {"event_loop": None, "record_bytes": None, "topics": None, "pool": None}
    known = calibration.calibration(
        file, laws, {**unset, "processes": None, "repeats": None}, foreign=False, seconds=9.0
    )
    assert "T(N) = decode + publish + loop" in str(known.formula())
    assert "decode" in str(known.parameters()) and "records/s" in str(known.predictions([1, 64]))
    assert "Each term" in known.terms().title and f"calibrate {laws}" not in str(known.host(""))
    asked = what_if.what_if(
        file, laws, foreign=False, seconds=9.0, record_bytes=None, batch_size=256,
        assume="decode=x0.5", beside={"nic": "connectx-6", "bus": "", "cores": 2},
    )  # fmt: skip
    assert asked.at == 64  # the largest that was calibrated
    assert "decode x 0.5" in str(asked.changes()) and "99 % of" in str(asked.goals(1e-3, 1e5))
    assert "not of a pipeline of your own" in str(asked.sliders())
    assert asked.halving_changed().table["term"].tolist() != []
    loads = {"loads": "0.5", "arrivals": "poisson", "group": 32, "batches": 1000, "processes": 1}
    put = load.load(file, laws, 9.0, {"event_loop": None, "topics": None}, loads, {})
    assert "P99 of the model at 50 % load" in str(put.verdict())
    assert put.latency().table["load"].tolist() == [0.5]
    assert "Adaptive batching: not of a pipeline of your own" in str(put.adaptive_verdict())


def test_notebooks_refuse_what_a_pipeline_of_ones_own_does_not_have(folder):
    file = str(folder / "orders.py")
    given = dict.fromkeys(("batch_sizes", "processes", "repeats", "seed"))
    with pytest.raises(ValueError, match="fabric is the built-in pipeline's, not"):
        validation.validation(file, {**given, "fabric": "shm"})
    with pytest.raises(ValueError, match="samples is the built-in pipeline's"):
        validation.validation(file, given, "samples.parquet")


def test_notebook_30_tries_a_pipeline_of_ones_own(folder):
    given = {"batch_sizes": "32", "processes": 1, "repeats": 1, "seed": None, "fabric": None}
    trial = validation.validation(str(folder / "orders.py"), given)
    assert "mean error of the prediction" in str(trial.summary())
    assert "T(N) = decode + publish + loop" in str(trial.formula())
    assert trial.throughput().table["n"].tolist() == [32]
    assert "disturbed" in str(trial.host("")) and "aethermodel validate" in str(trial.host(""))
