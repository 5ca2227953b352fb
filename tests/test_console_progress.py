"""Progress: no time left before anything is known of it, and one line below a notebook's cell."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from aethermodel.console import time_left
from aethermodel.execute.notebooks import execute

STEPS = """from aethermodel.console import progress
with progress("counting") as advance:
    for done in range(11):
        advance(done, 10)
"""


@pytest.mark.parametrize(
    ("done", "total", "seconds", "words"),
    [
        (0, 100, 10.0, ""),
        (1, 1000, 4.55, ""),  # which said 4,545 s
        (99, 1000, 30.0, ""),
        (50, 100, 1.9, ""),
        (100, 1000, 30.0, ", about 270 s left"),
        (50, 100, 4.0, ", about 4 s left"),
        (100, 100, 4.0, ""),
    ],
)
def test_the_time_left_is_said_only_once_it_is_known(done, total, seconds, words):
    assert time_left(done, total, seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5.0, ", about 10 s left"),  # of a budget of 15 s, which said 45 s
        (3.0, ", about 12 s left"),
        (14.9, ""),
        (15.1, ""),  # one pass takes longer: nobody knows
    ],
)
def test_no_more_time_is_left_than_the_budget(seconds, words):
    assert time_left(10, 100, seconds, 15.0) == words


def test_a_log_gets_a_line_at_each_tenth():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == "counting: 0/10"
    assert len(lines) == 11
    assert "left" not in done.stderr  # it took no two seconds
    assert not done.stdout


def test_a_notebook_gets_one_line_and_nothing_on_standard_error(tmp_path):
    notebook = new_notebook(cells=[new_code_cell(STEPS)])
    (tmp_path / "steps.ipynb").write_text(nbformat.writes(notebook))
    execute(tmp_path / "steps.ipynb", tmp_path / "out.ipynb", {})
    [cell] = [c for c in nbformat.read(tmp_path / "out.ipynb", 4).cells if c.source == STEPS]
    [output] = cell.outputs
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("counting: done in ")


def test_no_font_is_looked_for_in_vain():
    code = """import io
from aethermodel.report import style
with style.styled():
    figure = style.new_figure()
    figure.subplots().set_title("a title")
    style.settle(figure)
    figure.savefig(io.BytesIO(), format="png")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stderr
