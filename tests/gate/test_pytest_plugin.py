"""Fixture `law_benchmark` in runs of pytest of its own."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

TEST = """
def test_sum(law_benchmark):
    law = law_benchmark(lambda data: sum(data), sizes=[10, 100, 1000, 10000], setup=range, rounds=2)
    assert law.largest == 10000
"""


@pytest.fixture
def run(pytester):
    pytester.makepyfile(test_laws=TEST)
    named = {point.name for point in entry_points(group="pytest11")}
    plugin = [] if "aethermodel" in named else ["-p", "aethermodel.pytest_plugin"]
    return lambda *options: pytester.runpytest_subprocess(
        *plugin, "-p", "no:xdist", "--law-seconds=2", *options
    )


def test_laws_are_saved_and_compared(run, pytester):
    run("--law-save=laws.json").assert_outcomes(passed=1)
    saved = json.loads((pytester.path / "laws.json").read_text())
    (law,) = saved["laws"]
    assert law["name"] == "test_laws.py::test_sum"
    # A base that was a thousand times as fast: whatever this host does, it got worse.
    law["seconds"] = [seconds / 1000 for seconds in law["seconds"]]
    law["coefficients"] = [figure / 1000 for figure in law["coefficients"]]
    law["covariance"] = [[figure / 1e6 for figure in row] for row in law["covariance"]]
    (pytester.path / "fast.json").write_text(json.dumps(saved))
    result = run("--law-compare=fast.json", "--law-limit=T(1000)=+5%")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*worse than the base: T(1,000)*"])


def test_bad_options_are_refused_before_any_test(run, pytester):
    for options, said in (
        (("--law-limit=T(1)=+5%",), "--law-limit needs --law-compare"),
        (("--law-compare=none.json",), "none.json"),
        (("--law-save=.",), "irectory"),
    ):
        result = run(*options)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert said in str(result.stderr)


def test_importing_the_plugin_costs_nothing():
    said = subprocess.run(
        [sys.executable, "-c", "import aethermodel.pytest_plugin, sys; print(*sys.modules)"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert not {"numpy", "pandas", "sympy", "scipy", "rich", "typer"} & set(said.split())
