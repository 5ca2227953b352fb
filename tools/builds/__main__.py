"""Comparison of two builds: the same work by both, in turn, in one run.

Each build is a checkout with its environment in ``.venv``. A pair of processes, one a build, lives
as long as a round lasts, and the two take turns in random order: what disturbs the host meets both.
A turn is shorter than what the scheduler gives a process at once, and of a pair's turns the lower
quartile counts: those that met nobody else. The figure is the ratio of the two, and of several
pairs its median, least and greatest; no times of two runs are compared.

Run as ``python -m tools.builds --before DIR --json FILE``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

_HERE = Path(__file__).parent
_WORKER = _HERE / "worker.py"
SIDES = ("before", "after")


@dataclass(frozen=True)
class Case:
    """What both builds do.

    Attributes
    ----------
    name : str
    order : dict
        Of the worker: ``probe`` or ``script``, and ``settings``.
    """

    name: str
    order: dict[str, Any]


@dataclass
class Compared:
    """What a case came to.

    Attributes
    ----------
    name : str
    before_seconds, after_seconds : list of float
        Lower quartile of an operation, one a pair of processes.
    """

    name: str
    before_seconds: list[float] = field(default_factory=list)
    after_seconds: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """How many times as fast the build after is, one a pair."""
        pairs = zip(self.before_seconds, self.after_seconds, strict=True)
        return [before / after for before, after in pairs]

    def figures(self) -> dict[str, Any]:
        """Return what the JSON document says of it."""
        ratios = self.ratios
        return asdict(self) | {
            "ratio": median(ratios),
            "ratio_low": min(ratios),
            "ratio_high": max(ratios),
        }


def cases_of(sizes: tuple[int, ...], event_loop: str) -> list[Case]:
    """Return the wholes: in one process by plane and by bus, and across two processes: as a user
    writes it, and as `validate` measures it, each event checked before it is routed.
    """
    found = []
    for n in sizes:
        settings = {"batch_size": n, "event_loop": event_loop}
        pipeline = {"probe": "pipeline", "settings": settings}
        found.append(Case(f"in process, N = {n}", pipeline))
        script = {"script": str(_HERE / "publish.py"), "settings": settings}
        found.append(Case(f"published, N = {n}", script))
        script = {"script": str(_HERE / "across.py"), "settings": settings}
        found.append(Case(f"from another process, N = {n}", script))
        script = {"script": str(_HERE / "backlog.py"), "settings": settings}
        found.append(Case(f"taken from a ring, N = {n}", script))
        across = {"probe": "pipeline", "settings": settings | {"fabric": "shm", "pool": 1}}
        found.append(Case(f"across, N = {n}", across))
        tcp = {"probe": "pipeline", "settings": settings | {"fabric": "tcp", "pool": 1}}
        found.append(Case(f"over TCP, N = {n}", tcp))
    return found


class Worker:
    """A build's process.

    Parameters
    ----------
    root : Path
        The checkout.
    """

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [root / ".venv/bin/python", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env=os.environ | {"PATH": f"{root}/.venv/bin:{os.environ['PATH']}"},
        )

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send an order and return the answer; RuntimeError if the process ended."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def seconds(self, loops: int) -> float:
        """Return what so many operations take."""
        return float(self.ask({"loops": loops})["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def pair_of(roots: dict[str, Path]) -> Iterator[dict[str, Worker]]:
    """Start a process of each build."""
    with ExitStack() as ends:
        pair = {}
        for side, root in roots.items():
            pair[side] = Worker(root)
            ends.callback(pair[side].close)
        yield pair


def compare(
    pair: dict[str, Worker], case: Case, turns: int, seconds: float, order: random.Random
) -> dict[str, float]:
    """Let both builds of a pair take turns; return the lower quartile of each."""
    loops = {}
    for side, worker in pair.items():
        worker.ask(case.order)
        count = 16
        while (took := worker.seconds(count)) < seconds:
            count = max(count + 1, int(count * min(10, 1.2 * seconds / max(took, 1e-9))))
        loops[side] = count
    taken: dict[str, list[float]] = {side: [] for side in pair}
    for _ in range(turns):
        for side in order.sample(SIDES, len(SIDES)):
            taken[side].append(pair[side].seconds(loops[side]) / loops[side])
    return {side: quantiles(times, n=4)[0] for side, times in taken.items()}


def commit_of(root: Path) -> str:
    """Return what a checkout stands at, with a plus where it was changed since."""
    git = ["git", "-C", str(root)]
    head = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    changed = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True)
    return head + ("+" if changed else "")


def main(arguments: list[str] | None = None) -> int:
    """Compare, print a table, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--before", type=Path, required=True, help="checkout of the old build")
    here = _HERE.parent.parent
    parser.add_argument("--after", type=Path, default=here, help="checkout of the new build")
    parser.add_argument("--sizes", default="1,10,100,1000,10000", help="batch sizes N")
    parser.add_argument("--loop", default="uvloop", choices=("asyncio", "uvloop"))
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of processes")
    parser.add_argument("--turns", type=int, default=200, help="turns of each process a case")
    parser.add_argument("--seconds", type=float, default=0.0005, help="that a turn lasts")
    parser.add_argument("--json", type=Path, help="file for the document")
    options = parser.parse_args(arguments)
    roots = {"before": options.before.resolve(), "after": options.after.resolve()}
    sizes = tuple(int(size) for size in options.sizes.split(","))
    cases = [c for c in cases_of(sizes, options.loop) if c.name.startswith(options.only)]
    found = {case.name: Compared(case.name) for case in cases}
    order = random.Random(0)
    for turn in range(options.pairs):
        with pair_of(roots) as pair:
            for case in cases:
                times = compare(pair, case, options.turns, options.seconds, order)
                found[case.name].before_seconds.append(times["before"])
                found[case.name].after_seconds.append(times["after"])
        sys.stderr.write(f"pair {turn + 1} of {options.pairs}\n")
    document = {
        "schema": "aethermodel-compare-builds-1",
        "before": commit_of(roots["before"]),
        "after": commit_of(roots["after"]),
        "event_loop": options.loop,
        "rows": [one.figures() for one in found.values()],
    }
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write(f"{'':28}{'before us':>10}{'after us':>10}{'ratio':>8}   least to greatest\n")
    for row in document["rows"]:
        before, after = median(row["before_seconds"]), median(row["after_seconds"])
        spread = f"{row['ratio_low']:.2f} to {row['ratio_high']:.2f}"
        medians = f"{before * 1e6:10.2f}{after * 1e6:10.2f}"
        sys.stdout.write(f"{row['name']:28}{medians}{row['ratio']:8.2f}   {spread}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
