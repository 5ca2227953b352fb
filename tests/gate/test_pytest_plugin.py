"""Fixture `law_benchmark` in runs of pytest of its own."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points

import pytest
from own_laws import affine

from aethermodel.laws.law_group import Laws

pytest_plugins = ["pytester"]

TEST = """
def test_sum(law_benchmark):
    law = law_benchmark(lambda data: sum(data), sizes=[10, 100, 1000, 10000], setup=range, rounds=2)
    assert law.largest == 10000
"""
NAME = "test_laws.py::test_sum"
# As long as the entry point of the installed package is not there.
PLUGIN = (
    ()
    if any(point.name == "aethermodel" for point in entry_points(group="pytest11"))
    else ("-p", "aethermodel.plugins.pytest_plugin")
)


def test_laws_are_saved_and_compared(pytester):
    pytester.makepyfile(test_laws=TEST)
    # A base that was a hundred thousand times as fast: whatever this host does, it got worse.
    Laws({NAME: replace(affine(1e-12, 1e-14), name=NAME)}).save(pytester.path / "fast.json")
    result = pytester.runpytest_subprocess(
        *PLUGIN, "-p", "no:xdist", "--law-seconds=2", "--law-save=laws.json",
        "--law-compare=fast.json", "--law-limit=T(1000)=+5%",
    )  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*worse than the base: T(1,000)*", f"{NAME}: *worse: T(1,000)*"])
    assert Laws.load(pytester.path / "laws.json")[NAME].sizes.tolist() == [10, 100, 1000, 10000]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--law-limit=T(1)=+5%"], "--law-limit needs --law-compare"),
        (["--law-compare=none.json"], "none.json"),
        (["--law-save=."], "irectory"),
        (["--law-save=x.json", "--law-limit=T(1)"], "a limit is written"),
    ],
)
def test_bad_options_are_refused_before_any_test(pytester, options, said):
    with pytest.raises(pytest.UsageError, match=said):
        pytester.parseconfigure(*PLUGIN, *options)


def test_importing_the_plugin_costs_nothing():
    code = "import sys, aethermodel.plugins.pytest_plugin; print(*sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert not {"numpy", "pandas", "sympy", "scipy", "rich", "typer"} & set(said.split())
