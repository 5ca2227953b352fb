"""Overhead of a sweep's point, compared with stock papermill."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from aethermodel.sweep.attempts import Attempts
from aethermodel.sweep.identity import conditions_of
from aethermodel.sweep.kills import smallest_sweep
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.run import Backend, run, run_once
from aethermodel.sweep.store import Store

Progress = Callable[[int, int], None]

#: Largest seconds: for a point, for 1,000 points, for taking up a finished sweep of 1,000.
LIMITS = {"notebook": 0.35, "measure": 0.020, "dry_sweep": 30.0, "resume": 1.0}

# It does nothing but what every notebook of this project begins with.
_CELLS = ("n = 0", "import matplotlib.pyplot as plt\nimport numpy as np\nimport sympy")


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
