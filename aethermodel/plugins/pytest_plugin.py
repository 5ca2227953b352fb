"""Pytest plugin: the fixture `law_benchmark`, and options to save, compare and limit laws.

Every run of pytest imports this module: nothing is imported here that takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

_KEY = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("law", "laws of functions over sizes")
    group.addoption("--law-save", metavar="FILE", help="write the laws of this run to a law file")
    group.addoption(
        "--law-compare",
        metavar="BASE",
        help="fail a test whose law got worse than in a law file, a folder of them or a history",
    )
    group.addoption(
        "--law-limit",
        metavar="LIMIT",
        action="append",
        default=[],
        help="such as 'T(1000)=+5%%'; may be given again (default: as aethermodel gate)",
    )
    group.addoption(
        "--law-seconds",
        metavar="S",
        type=float,
        default=60.0,
        help="longest time for a law (default: 60)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse limits and files that are wrong before any test runs."""
    if not (config.getoption("law_save") or config.getoption("law_compare")):
        if config.getoption("law_limit"):
            raise pytest.UsageError("--law-limit needs --law-compare")
        return
    from aethermodel.gate.limits import limits_of

    try:
        session = Session(
            config.getoption("law_save"),
            config.getoption("law_compare"),
            limits_of(config.getoption("law_limit")),
        )
    except (OSError, ValueError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_KEY] = session


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the laws that were fitted."""
    known = session.config.stash.get(_KEY, None)
    if known is not None:
        known.finish(_worker_of(session.config))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say each law in a line, with the outcome of its comparison."""
    known = terminalreporter.config.stash.get(_KEY, None)
    if known is not None and known.lines:
        terminalreporter.section("laws")
        for line in known.lines:
            terminalreporter.write_line(line)


class Session:
    """What a run of pytest keeps of its laws.

    Parameters
    ----------
    save, compare : str or None
        Files of the options.
    limits : sequence of Limit
    """

    def __init__(self, save: str | None, compare: str | None, limits: Sequence[Any]) -> None:
        from pathlib import Path

        from aethermodel.gate.run_files import read_runs
        from aethermodel.output_files import check_kind, check_target

        self.save = Path(save) if save else None
        if self.save:
            check_target(self.save)
            check_kind(self.save, ("JSON",), "--law-save")
        self.base = read_runs(Path(compare)) if compare else None
        self.limits = limits
        self.laws: dict[str, Law] = {}
        self.lines: list[str] = []

    def add(self, name: str, law: Law) -> str | None:
        """Keep a law, and return what got worse, in words."""
        self.laws[name] = law
        said = law.verdict[0] if law.verdict else law.family
        if self.base is None or name not in self.base:
            new = "" if self.base is None else "; not in the base"
            self.lines.append(f"{name}: {said}{new}")
            return None
        from aethermodel.gate.gate import gate
        from aethermodel.gate.runs import LawRun
        from aethermodel.text.percentages import percent

        verdict = gate({name: self.base[name]}, {name: [LawRun(name, law)]}, self.limits)
        rows = ", ".join(
            f"{row.quantity} {percent(row.ratio - 1)} ({percent(row.low - 1)} to "
            f"{percent(row.high - 1)})"
            for row in verdict.rows
            if row.outcome == verdict.outcome
        )
        self.lines.append(f"{name}: {said}; {verdict.outcome}: {rows}")
        return rows if verdict.outcome == "worse" else None

    def finish(self, worker: str) -> None:
        """Write the laws; each process of pytest-xdist a file of its own."""
        if self.save is None or not self.laws:
            return
        from aethermodel.laws.law_group import Laws

        target = self.save.with_name(f"{self.save.stem}-{worker}{self.save.suffix}")
        Laws(self.laws).save(target if worker else self.save)


def _worker_of(config: pytest.Config) -> str:
    return str(getattr(config, "workerinput", {}).get("workerid", ""))


@pytest.fixture
def law_benchmark(request: pytest.FixtureRequest) -> Callable[..., Law]:
    """Time a function at each size and return its law.

    ``law_benchmark(function, sizes=[1, 10, 100, 1000])`` calls ``function(n)``; with
    ``setup=make`` it calls ``function(make(n))``, and only the function is timed. ``name`` tells
    several laws of one test apart.

    With ``--law-compare`` the test fails if the law got worse than its limit, or, without a limit,
    than what runs differ by.
    """

    def run(
        function: Callable[[Any], object],
        sizes: Sequence[int],
        *,
        setup: Callable[[int], Any] | None = None,
        name: str = "",
        rounds: int = 7,
    ) -> Law:
        from dataclasses import replace

        from aethermodel.laws.fit import fit
        from aethermodel.measure.sampling.function_times import time_function

        label = f"{request.node.nodeid}[{name}]" if name else request.node.nodeid
        samples = time_function(
            function,
            sizes,
            setup=setup,
            rounds=rounds,
            most_seconds=request.config.getoption("law_seconds"),
            source=label,
        )
        law = replace(fit(samples).only(), name=label)
        known = request.config.stash.get(_KEY, None)
        worse = known.add(label, law) if known is not None else None
        if worse:
            pytest.fail(f"worse than the base: {worse}", pytrace=False)
        return law

    return run
