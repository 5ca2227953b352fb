"""Wrong parameters end papermill in one line, before anything is measured, with either engine."""

import json
from pathlib import Path

import papermill
import pytest
from command_line import aether

from aethermodel.execute.engine import BadParametersError
from aethermodel.execute.notebooks import check_parameters, models_of, read_notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(folder, name, *words):
    """Call papermill as a shell does."""
    quiet = ("--no-progress-bar", "--log-level", "ERROR")
    notebooks = (str(NOTEBOOKS / name), "out.ipynb")
    return aether(*quiet, *notebooks, *words, module="papermill", cwd=folder)


WRONG = [
    (
        "30_model_vs_measured.ipynb",
        ("-p", "bogus", "3"),
        "no parameter 'bogus'; it has pipeline",
    ),
    ("30_model_vs_measured.ipynb", ("-p", "processes", "many"), "processes: Input should be"),
    ("30_model_vs_measured.ipynb", ("-p", "batch_sizes", "1,x"), "batch_sizes.1: Input should be"),
    ("20_calibrate.ipynb", ("-p", "topics", "0"), "topics: Input should be greater"),
    ("40_tail_latency.ipynb", ("-p", "loads", "0.5,2"), "below 1"),
    ("60_what_if.ipynb", ("-p", "batch_size", "x"), "batch_size: should be int"),
    ("80_sweep_summary.ipynb", ("-p", "stor", "x"), "no parameter 'stor'; it has store"),
]


@pytest.mark.parametrize(("name", "words", "message"), WRONG)
def test_wrong_parameters_end_papermill_in_one_line(tmp_path, name, words, message):
    done = run(tmp_path, name, *words)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ") and message in line
    assert not list(tmp_path.iterdir())


SHIPPED = str(NOTEBOOKS.parent / "data" / "calibrations" / "uvloop.json")
REFUSED_BY_A_CELL = [
    ("60_what_if.ipynb", ("-p", "calibration", "none.json"), "none.json: no such calibration"),
    (
        "60_what_if.ipynb",
        ("-p", "calibration", SHIPPED, "-p", "foreign", "True", "-p", "assume", "bogus=1"),
        "no parameter 'bogus'",
    ),
    ("95_own_pipeline.ipynb", ("-p", "pipeline", "none.py"), "none.py: no such file"),
    ("90_own_measurements.ipynb", ("-p", "file", "none.csv"), "none.csv"),
]


@pytest.mark.parametrize(("name", "words", "message"), REFUSED_BY_A_CELL)
def test_what_only_a_cell_can_refuse_ends_papermill_in_one_line_too(tmp_path, name, words, message):
    """A file that is not there ended in a hundred lines of traceback."""
    done = run(tmp_path, name, *words)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ") and message in last
    assert last.endswith("(traceback in out.ipynb)")
    assert "Traceback" not in done.stderr
    # The notebook has it all, and says where it stopped.
    assert "Traceback" in (tmp_path / "out.ipynb").read_text()


def test_so_they_end_the_engine_of_this_project(tmp_path):
    name, words, message = WRONG[0]
    done = run(tmp_path, name, "--engine", "aether", *words)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert message in line


def test_in_python_it_is_a_value_error(tmp_path):
    source, target = NOTEBOOKS / "10_upper_bound.ipynb", tmp_path / "out.ipynb"
    with pytest.raises(BadParametersError, match="should be int like its default, not 'x'"):
        papermill.execute_notebook(str(source), str(target), parameters={"batch_size": "x"})
    assert issubclass(BadParametersError, ValueError)
    assert not target.exists()


def test_a_count_may_be_written_as_1e4(tmp_path):
    done = run(tmp_path, "10_upper_bound.ipynb", "-p", "batch_size", "1e4")
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    injected = [
        "".join(c["source"]) for c in cells if "injected-parameters" in c["metadata"]["tags"]
    ]
    assert injected == ["# Parameters\nbatch_size = 10000\n"]


def test_papermill_runs_the_notebooks_of_others_as_ever(tmp_path):
    cells = [{"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}}]
    cells[0] |= {"source": "n = 1", "outputs": [], "execution_count": None}
    metadata = {"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "theirs.ipynb").write_text(json.dumps(notebook))
    done = run(tmp_path, str(tmp_path / "theirs.ipynb"), "-p", "bogus", "3")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_notebook_is_checked_and_its_own_defaults_pass(path):
    notebook = read_notebook(path)
    assert "parameters" in json.loads(path.read_text())["metadata"]["aether"]
    models_of(notebook)
    assert check_parameters(notebook, {}, path.name)
