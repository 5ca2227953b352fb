"""Durations that are said before a measurement: an estimate or a budget."""

import subprocess
import sys

import pytest

from aethermodel.cli.shared.measuring import announced, tell_duration


@pytest.mark.parametrize(
    ("seconds", "known", "line"),
    [
        (60, "estimate", "takes about 60 s"),
        (100, "budget", "takes about 1.7 min: a time budget, longer if one pass takes longer"),
        (5400, "estimate", "takes about 1.5 h"),
    ],
)
def test_a_budget_that_one_pass_may_exceed_says_so(seconds, known, line, capsys):
    tell_duration(seconds, known)
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert len(said.rstrip("\n")) <= 80


def test_it_is_said_once_with_the_first_step(capsys):
    steps = []
    advance = announced(lambda *step: steps.append(step), 100, "budget")
    assert not capsys.readouterr().err
    advance(1, 3)
    advance(2, 3)
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert steps == [(1, 3), (2, 3)]


def test_the_time_that_a_process_has_been_there_is_known():
    code = (
        "import time; time.sleep(0.3)\n"
        "from aethermodel.cli.shared.measuring import seconds_so_far\n"
        "print(seconds_so_far())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert 0.3 <= float(done.stdout) < 600
