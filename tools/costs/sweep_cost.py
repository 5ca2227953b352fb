"""Cost of a sweep besides its measurements: empty points, compared with stock papermill.

Run as ``python -m tools.costs.sweep_cost``. Then a whole sweep of empty points is run, and taken up
again when nothing is left to do. Exit status: 0 all within the limits, 1 not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aethermodel.cli.shared.measuring import measuring, tell_duration, tell_who_measures
from aethermodel.console import progress as shown
from aethermodel.json_documents import document, write_document
from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.identity import conditions_of
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.run import Backend, LocalBackend, run, run_once
from aethermodel.sweep.store import Store

Progress = Callable[[int, int], None]

#: Largest seconds: for a point, for 1,000 points, for taking up a finished sweep of 1,000.
LIMITS = {"notebook": 0.35, "measure": 0.020, "dry_sweep": 30.0, "resume": 1.0}

# It does nothing but what every notebook of this project begins with.
_CELLS = ("n = 0", "import matplotlib.pyplot as plt\nimport numpy as np\nimport sympy")


def smallest_sweep(points: int) -> Sweep:
    """Return a sweep whose points take next to no time: what it takes is overhead."""
    return Sweep(
        probe="ffi",
        parameters={"batch_size": list(range(1, points + 1)), "topics": [1], "pool": [1]},
        samples=1,
        sample_seconds=0.0001,
        noise_gate=1.0,
    )


def write_empty_notebook(path: Path) -> Path:
    """Write the notebook that is timed: a parameter, and the usual imports."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in _CELLS]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, str(path))
    return path


def _spread(seconds: list[float]) -> dict[str, Any]:
    return {
        "median_seconds": median(seconds),
        "low_seconds": min(seconds),
        "high_seconds": max(seconds),
        "count": len(seconds),
    }


def time_points(
    folder: Path, rounds: int, progress: Progress | None = None, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Time empty points in both modes and by stock papermill, taking turns.

    Parameters
    ----------
    folder : Path
        For notebooks and stores.
    rounds : int
        Points of each kind; their order within a round is random.
    progress : callable, optional

    Returns
    -------
    dict
        Wall time of one point, its record kept in the store included: for ``notebook``,
        ``measure`` and ``papermill`` median, lowest, highest and how many.

    Notes
    -----
    Whoever calls this holds the host.
    """
    import papermill

    empty = write_empty_notebook(folder / "empty.ipynb")
    jobs = {
        "notebook": Sweep(notebook=str(empty), parameters={"n": list(range(rounds))}),
        "measure": smallest_sweep(rounds),
    }
    store = Store(folder / "points")
    store.points.mkdir(parents=True)
    seconds: dict[str, list[float]] = {"notebook": [], "measure": [], "papermill": []}
    with Attempts(jobs["notebook"]) as notebooks, Attempts(jobs["measure"]) as probes:
        attempts = {"notebook": notebooks, "measure": probes}
        conditions = {mode: conditions_of(sweep) for mode, sweep in jobs.items()}

        def one(kind: str, i: int) -> None:
            if kind == "papermill":
                out = str(folder / "stock.ipynb")
                papermill.execute_notebook(str(empty), out, {"n": i}, progress_bar=False)
                return
            job: Job = jobs[kind].jobs()[i]
            record = run_once(jobs[kind], job, 1, attempts[kind], conditions[kind], store)
            if record.outcome.state != "done":
                raise RuntimeError(record.outcome.error)
            store.put(record)

        order = random.Random(seed)
        for i in range(rounds):
            kinds = list(seconds)
            order.shuffle(kinds)
            for kind in kinds:
                start = time.perf_counter()
                one(kind, i)
                seconds[kind].append(time.perf_counter() - start)
            if progress:
                progress(i + 1, rounds)
    return {kind: _spread(taken) for kind, taken in seconds.items()}


def time_dry_sweep(
    folder: Path, points: int, progress: Progress | None = None, backend: Backend | None = None
) -> dict[str, dict[str, Any]]:
    """Time a whole sweep of empty points, and then taking it up when nothing is left.

    Parameters
    ----------
    folder : Path
        For the store.
    points : int
    progress : callable, optional
    backend : Backend, optional
        Where the sweep runs; this host if left out.

    Returns
    -------
    dict
        ``dry_sweep``: seconds, points. ``resume``: wall time of the whole command over
        five runs, and how many points they ran.
    """
    store = Store(folder / "dry")
    summary = run(smallest_sweep(points), store, backend=backend, progress=progress)
    seconds, reran = [], 0
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "aethermodel", "sweep", "run", str(store.folder), "--json", "-"],
            capture_output=True,
            check=True,
        )
        seconds.append(time.perf_counter() - start)
        reran += json.loads(done.stdout)["ran"]
    return {
        "dry_sweep": _spread([summary.seconds]) | {"points": summary.ran},
        "resume": {**_spread(seconds), "reran": reran},
    }


def main() -> None:
    """Print a line for each kind of point, and write all as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11, help="points of each kind, at least 3")
    parser.add_argument("--points", type=int, default=1_000, help="points of the dry sweep")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="a file, or - for standard output")
    given = parser.parse_args()
    if given.rounds < 3 or given.points < 1:
        parser.error("at least 3 rounds and 1 point")
    tell_duration(60 * (0.7 * given.rounds / 11 + 0.3 * given.points / 1_000))
    with TemporaryDirectory() as made:
        folder = Path(made)
        with measuring(), shown("[1/2] empty points") as advance:
            figures = time_points(folder, given.rounds, advance, given.seed)
        backend = LocalBackend(waiting=tell_who_measures)
        with shown("[2/2] dry sweep") as advance:
            figures |= time_dry_sweep(folder, given.points, advance, backend)
    seconds = {kind: f["median_seconds"] for kind, f in figures.items()}
    within = all(seconds[kind] <= limit for kind, limit in LIMITS.items())
    within = within and figures["resume"]["reran"] == 0
    if given.json:
        whole = {"points": figures, "limits_seconds": LIMITS, "within_limits": within}
        write_document(document("aethermodel.bench.sweep/1", "loopback", whole), given.json)
    if given.json != "-":
        for kind, f in figures.items():
            line = f"{kind:10} {seconds[kind]:8.3f} s"
            if "low_seconds" in f:
                line += f"  ({f['low_seconds']:.3f} to {f['high_seconds']:.3f})"
            line += f"  limit {LIMITS[kind]:g} s" if kind in LIMITS else ""
            sys.stdout.write(f"{line}\n")
        stock = seconds["papermill"]
        sys.stdout.write(
            f"stock papermill takes {stock / seconds['notebook']:.1f} times as long as notebook "
            f"mode, {stock / seconds['measure']:.0f} times as long as measure mode\n"
        )
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
