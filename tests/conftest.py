"""Required tests: ``AETHER_REQUIRE=rdma,browser`` turns skips of these into failures."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from multiprocessing.util import Finalize
from pathlib import Path

import aethermodel.execute.address_formats  # noqa: F401  before nbformat  # isort: skip
import command_line
import pytest
from hypothesis import settings
from isolation import isolate

# For tools.torture, whose readers and mutations the tests share; last, for the packages are
# imported as they are installed.
sys.path.append(str(Path(__file__).parents[1]))

# A change is judged by the same examples each time; at a desk the search goes on. An example's
# own time is never judged: the host may be busy.
# Half of what hypothesis takes by itself: a property that wants more says so.
settings.register_profile("desk", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

REQUIRED = frozenset(filter(None, os.environ.get("AETHER_REQUIRE", "").split(",")))


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of pytest-xdist a host lock and temporary files of its own.

    Commands of all workers are forked from one interpreter.
    """
    isolate()
    if hasattr(config, "workerinput"):
        place = tempfile.mkdtemp(prefix="w-")
        # After multiprocessing has removed the folder of its own that lies in there (-100).
        Finalize(None, shutil.rmtree, (place, True), exitpriority=-200)
        os.environ["TMPDIR"] = tempfile.tempdir = place
        # Its own choice would be too long a path for the sockets that tests put there.
        config.option.basetemp = f"{place}/t"
    elif config.getoption("numprocesses", None):
        command_line.share()
        return
    gc.disable()  # until `pytest_collection_finish`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a slow test that does not say why it is worth its time."""
    for item in items:
        for mark in item.iter_markers("slow"):
            if not mark.kwargs.get("reason"):
                raise pytest.UsageError(f"{item.nodeid}: slow wants a reason")


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what was imported, and the tests themselves.

    They live as long as this process, and a full collection among them takes half a second: a test
    or a bench that asks for one has only its own objects looked at.
    """
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what passing tests recorded as "told", whichever process they ran in."""
    for report in terminalreporter.getreports("passed"):
        for name, words in report.user_properties:
            if name == "told" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {words}")


def _refuse(report: pytest.TestReport | pytest.CollectReport, needs: set[str]) -> None:
    if report.outcome == "skipped" and needs & REQUIRED:
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"required by AETHER_REQUIRE, but {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse(report, {mark.name for mark in item.iter_markers()})
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse(report, set(collector.path.parts))
    return report
