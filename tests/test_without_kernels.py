"""Without compiled kernels, as on macOS: models, fits, predictions and reports work."""

import json
import os
import subprocess
import sys
from pathlib import Path

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
COMPILED = [
    ".".join(path.relative_to(ROOT / "cython_core").with_suffix("").parts)
    for path in (ROOT / "cython_core").rglob("*.pyx")
]
#: Hides what the compiler made, and what only Unix has where a module of ours asks for it.
HIDE = f"""
import os, sys

class Hide:
    compiled = {COMPILED!r}

    def find_spec(self, name, path=None, target=None):
        asking = sys._getframe(1)
        while asking and "importlib" in asking.f_code.co_filename:
            asking = asking.f_back
        ours = asking and asking.f_globals["__name__"].startswith("aethermodel")
        if name.removeprefix("cython_core.") in self.compiled or ours and name == "fcntl":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hide())
for name in ("fork", "sched_getaffinity", "sched_setaffinity"):
    delattr(os, name)
"""
FITS = """
import numpy as np
from aethermodel import BatchModel, load_calibration
from aethermodel.calibrate.term_fit.fit_term import fit_term
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.published.specification import load_specification

n = np.array([1.0, 10, 100, 1000] * 3)
fit_term(n, 1e-6 + 2e-9 * n).predict([50])
load_specification().model().throughput_at(10_000)
known = load_calibration(CALIBRATION, foreign=True)
print(Answers(Scenario(known, {})).share(0.95).size.value)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The environment of a process that has no kernels."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(HIDE)
    return os.environ | {"PYTHONPATH": str(folder)}


def test_fits_and_answers_work(bare):
    program = FITS.replace("CALIBRATION", repr(UVLOOP))
    done = subprocess.run(
        [sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    assert float(done.stdout) > 0


@pytest.mark.parametrize(
    "asked",
    [
        ("predict", "-c", UVLOOP, "--foreign", "-n", "1,100", "--topics", "64"),
        ("cluster", str(ROOT / "data/cluster.toml")),
    ],
    ids=["predict", "cluster"],
)
def test_what_needs_no_kernel_says_the_same(bare, asked):
    done, usual = (aether(*asked, env=env) for env in (bare, None))
    assert (done.returncode, done.stdout) == (0, usual.stdout)
    assert aether("bound", env=bare).returncode == 0


def test_a_stored_run_is_reported(bare, tmp_path):
    notebook = new_notebook(cells=[shown({"text/plain": "42 msg/s"})])
    nbformat.write(notebook, tmp_path / "run.ipynb")
    done = aether("report", "run.ipynb", "--output", "run.html", env=bare, cwd=tmp_path)
    assert not done.returncode, done.stderr
    assert "42 msg/s" in (tmp_path / "run.html").read_text()


def test_a_stored_sweep_of_a_probe_is_reported_the_same(bare, tmp_path):
    store = write_store(tmp_path / "store")
    asked = ("report", str(store), "--calibration", str(store / "calibration.json"), "--json", "-")
    done, usual = (
        json.loads(aether(*asked, "-o", str(tmp_path / name), env=env, cwd=tmp_path).stdout)
        for env, name in ((bare, "bare.html"), (None, "usual.html"))
    )
    for figures in (done, usual):
        assert figures.pop("export_seconds") > 0
        del figures["report"], figures["bytes"]
    assert done == usual
    assert len(done["figures"]) > 3


@pytest.mark.parametrize("command", ["calibrate", "doctor"])
def test_what_needs_kernels_says_so_in_one_line(bare, tmp_path, command):
    done = aether(*command.split(), env=bare, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("aethermodel: this command runs the compiled kernels")


def test_the_package_of_the_kernels_says_what_is_missing(bare):
    program = "import cython_core.rdma.posting_plan\nfrom cython_core import Ring"
    done = subprocess.run(
        [sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert last == "ImportError: cython_core.Ring: the compiled kernels are not installed"


def test_facts_of_the_kernels_are_theirs():
    assert (kernel_facts.EVENT_BYTES, kernel_facts.MAX_TOPICS) == (EVENT_BYTES, MAX_TOPICS)
    assert kernel_facts.MAX_THREADS == MAX_THREADS
    for topics in (1, 2, 16, 112, 113, 128, 129, 1023, 1024, 1025, 4096, MAX_TOPICS):
        assert kernel_facts.switch_size(topics) == switch_size(topics)
    for topics in (0, MAX_TOPICS + 1):
        with pytest.raises(ValueError, match="topics must be"):
            kernel_facts.switch_size(topics)
