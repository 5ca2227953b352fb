"""Without compiled kernels, as on macOS and Windows: models, fits, predictions, reports work."""

import json
import subprocess
import sys
from pathlib import Path

import bare_interpreter
import nbformat
import pytest
from command_line import aether
from nbformat.v4 import new_notebook
from report_cases import shown

from aethermodel import kernel_facts
from cython_core import EVENT_BYTES, MAX_TOPICS
from cython_core.routing.router import MAX_THREADS, switch_size
from tools.report_example import write_store

ROOT = Path(__file__).parents[1]
UVLOOP = str(ROOT / "data/calibrations/uvloop.json")
FITS = f"""
import numpy as np
from aethermodel import BatchModel, load_calibration
from aethermodel.calibrate.term_fit.fit_term import fit_term
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.published.specification import load_specification

n = np.array([1.0, 10, 100, 1000] * 3)
fit_term(n, 1e-6 + 2e-9 * n).predict([50])
load_specification().model().throughput_at(10_000)
known = load_calibration({UVLOOP!r}, foreign=True)
assert Answers(Scenario(known, {{}})).share(0.95).size.value > 0

import cython_core.rdma.posting_plan
try:
    from cython_core import Ring
except ImportError as error:
    assert str(error) == "cython_core.Ring: the compiled kernels are not installed"
else:
    raise AssertionError("there are kernels")
"""
TIMES = "rows,us\n" + "".join(f"{n},{3 + n / 50:.4f}\n" for n in (1, 10, 100, 1000, 10_000) * 3)
#: What needs no kernel says the same with and without.
SAME = {
    "predict": ("predict", "-c", UVLOOP, "--foreign", "-n", "1,100", "--topics", "64"),
    "predict by a law": ("predict", "law.json", "-n", "5,50000"),
    "fit": ("fit", "times.csv"),
    "bound": ("bound", "-n", "100"),
    "no file": ("fit", "absent.csv"),
    "a folder": ("fit", "store"),
}
#: And these work.
WORKS = {
    "a law": ("fit", "times.csv", "-o", "law.json"),
    "what if": ("predict", "-c", UVLOOP, "--foreign", "--set", "t_tick=1e-6", "--optimum"),
    "cluster": ("cluster", str(ROOT / "data/cluster.toml"), "-o", "cluster.html"),
    "recommend": ("recommend", "law.json", "--rate", "1e5", "--p99", "1ms"),
    "gate": ("gate", "law.json", "times.csv", "--json", "gate.json"),
    "history": ("history", "add", "law.json", "--commit", "0" * 40, "--host", "ci"),
    "report of a law": ("report", "law.json", "-o", "law.html"),
    "report of a notebook": ("report", "run.ipynb", "-o", "run.html"),
}
STORE = ("report", "store", "--calibration", "store/calibration.json", "--json", "-", "-o")
KERNELS = {"calibrate": ("calibrate",), "doctor": ("doctor",), "report --run": ("report", "--run")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the commands read."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "times.csv").write_text(TIMES)
    nbformat.write(
        new_notebook(cells=[shown({"text/plain": "42 msg/s"})]), str(folder / "run.ipynb")
    )
    write_store(folder / "store")
    return folder


@pytest.fixture(scope="module")
def bare(place):
    """What each command said in a process that has no kernels, and nothing that only Unix has."""
    (place / "fits.py").write_text(FITS)
    commands = {**WORKS, **SAME, **KERNELS, "report of a store": (*STORE, "bare.html")}
    (place / "commands.json").write_text(json.dumps([*commands.values()]))
    words = [sys.executable, bare_interpreter.__file__, "fits.py", "commands.json"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return dict(zip(commands, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", SAME)
def test_what_needs_no_kernel_says_the_same(bare, place, name):
    status, output, errors = bare[name]
    usual = aether(*SAME[name], cwd=place)
    assert (status, output, errors) == (usual.returncode, usual.stdout, usual.stderr)


@pytest.mark.parametrize("name", WORKS)
def test_what_needs_no_kernel_works(bare, place, name):
    status, _, errors = bare[name]
    # Of the same times no gate can tell by one process.
    assert status == (3 if name == "gate" else 0), errors
    pages = [place / word for word in WORKS[name] if word.endswith(".html")]
    assert all(page.stat().st_size > 10_000 for page in pages)


def test_a_stored_run_is_reported(bare, place):
    assert bare["report of a notebook"][0] == 0
    assert "42 msg/s" in (place / "run.html").read_text("utf-8")


def test_a_stored_sweep_of_a_probe_is_reported_the_same(bare, place, tmp_path):
    status, output, errors = bare["report of a store"]
    assert not status, errors
    usual = aether(*STORE, str(tmp_path / "usual.html"), cwd=place).stdout
    both = [json.loads(text) for text in (output, usual)]
    for figures in both:
        assert figures.pop("export_seconds") > 0
        del figures["report"], figures["bytes"], figures["host"]  # which tells less of itself there
    assert both[0] == both[1]
    assert len(both[0]["figures"]) > 3


@pytest.mark.parametrize("name", KERNELS)
def test_what_needs_kernels_says_so_in_one_line(bare, name):
    status, _, errors = bare[name]
    assert status == 2
    (line,) = errors.splitlines()
    assert line.startswith("aethermodel: this command runs the compiled kernels")


def test_facts_of_the_kernels_are_theirs():
    assert (kernel_facts.EVENT_BYTES, kernel_facts.MAX_TOPICS) == (EVENT_BYTES, MAX_TOPICS)
    assert kernel_facts.MAX_THREADS == MAX_THREADS
    for topics in (1, 2, 16, 112, 113, 128, 129, 1023, 1024, 1025, 4096, MAX_TOPICS):
        for size in (8, 64, 2040, 2048, 65_536):
            assert kernel_facts.switch_size(topics, size) == switch_size(topics, size)
    for topics in (0, MAX_TOPICS + 1):
        with pytest.raises(ValueError, match="topics must be"):
            kernel_facts.switch_size(topics)
