"""Worked examples, judged: prediction of the whole, recommended batch size, and P99 under load.

``python -m tools.worked_examples [--json FILE] [--keep] [--latency] [NAME...]``: of the
pipeline that `aethermodel init` writes (orders), and of quotes, trades and scoring. Some five
minutes each on a quiet host of two cores. A line for each figure, and status 1 where one fails.
``--keep`` also writes what the repository shows: the laws beside each example, its picture
in ``docs/_static`` and its figures in ``data/benchmarks``. ``--latency`` judges P99 alone, after a
`calibrate`: some two to three minutes each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any

from typer import echo

from aethermodel import thresholds
from aethermodel.pipelines.process_spread import ProcessSpread
from aethermodel.text.percentages import percent, percentage
from tools.example_records import keep

ROOT = Path(__file__).parents[1]
NAMES = ("orders", "quotes", "trades", "scoring")
# Of the scoring server: loads, and the P99 that batch and wait are chosen for, in seconds.
_LOADS, _TARGET = "0.5,0.8", "0.1"
_P99 = percentage(thresholds.P99_ERROR, 0)
# Each process has loads of its own: of few, the median P99 may be anything.
_LOADED_PROCESSES = 15
# Whose server or subscriber only answers: in most processes the scheduler has it on the pipeline's
# own core, and in some on another, where a round trip takes up to half as long again.
_PINS = {"quotes": "0", "trades": "0"}


def run(folder: Path, *words: str) -> dict[str, Any]:
    """Run a command of aethermodel that writes JSON to standard output; return its figures.

    Raises
    ------
    RuntimeError
        If it refuses; with its last line.
    """
    called = [sys.executable, "-m", "aethermodel", *words, "--json", "-"]
    done = subprocess.run(called, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


Judged = tuple[str, str, dict[str, Any]]


def judged(name: str, folder: Path, kept: Path, processes: int) -> Iterator[Judged]:
    """Yield what, its line that begins with the outcome, and the figures, one after the other."""
    file, laws = f"{name}.py", kept / f"{name}.json"
    pin = ("--pin", _PINS[name]) if name in _PINS else ()
    trial = run(folder, "validate", file, *pin, "--samples", str(kept / f"{name}.parquet"))
    laws.write_text(json.dumps(trial["calibration"], indent=1) + "\n")
    verdict = trial["verdict"]
    yield (
        "whole",
        f"{verdict['outcome']}: off by {percentage(verdict['mean_error'])} on average, "
        f"{percentage(verdict['worst_error'])} at worst (N = {verdict['worst_at']:,}); wanted 5 % "
        f"and 10 %. {trial['cause']} {_apart(trial['between_processes'])}".rstrip(),
        trial,
    )
    known = ("--pipeline", file, "-c", str(laws), *pin)
    best = run(folder, "bench", "optimum", *known)
    yield (
        "size",
        f"{best['outcome']}: N = {best['recommended']:,} carries {percentage(best['share'])} of "
        f"the best rate ({percentage(best['share_low'])} to {percentage(best['share_high'])}); "
        f"wanted {percentage(thresholds.OWN_OPTIMUM_REACHED, 0)}",
        best,
    )
    yield from under_load(name, folder, laws, processes)


def under_load(
    name: str, folder: Path, laws: Path, processes: int = _LOADED_PROCESSES
) -> Iterator[Judged]:
    """Yield P99 under load, by laws that are there, or are calibrated first."""
    file = f"{name}.py"
    pin = ("--pin", _PINS[name]) if name in _PINS else ()
    if not laws.exists():
        begin = monotonic()
        laws.write_text(json.dumps(run(folder, "calibrate", file, *pin)) + "\n")
        echo(f"{name}, calibrate: {monotonic() - begin:.0f} s")
    known = ("--pipeline", file, "-c", str(laws), *pin, "--processes", str(processes))
    late = run(folder, "bench", "latency", *known)
    for row in late["rows"]:
        yield (
            f"P99 at {percentage(row['load'], 0)}",
            f"{row['outcome']}: off by {percent(row['p99_error'])} "
            f"({percent(row['p99_error_low'])} to {percent(row['p99_error_high'])}; processes "
            f"alone {percent(row['p99_error_processes_low'])} to "
            f"{percent(row['p99_error_processes_high'])}, {row['processes']} of them, "
            f"{percentage(row['disturbed'], 0)} disturbed); wanted {_P99}. "
            f"{percentage(row['left_alone'])} left alone; of all P99 is "
            f"{row['p99_all'] / row['p99']:.2f} times that; pace {row['pace']:.2f}; for the same "
            f"rate instead of load off by {percent(row['p99_error_rate'])}",
            row,
        )
    if name == "scoring":
        yield from _server(folder, laws)


def _apart(spread: dict[str, Any] | None) -> str:
    return str(ProcessSpread(**spread)) if spread else ""


def _server(folder: Path, laws: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    called = [sys.executable, "scoring_load.py", str(laws), _LOADS, _TARGET]
    done = subprocess.run(called, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    for row in map(json.loads, done.stdout.splitlines()):
        late = row["client_late_p99"] / row["measured_p99"]
        yield (
            f"server's P99 at {percentage(row['load'], 0)}",
            f"{row['outcome']}: off by {percent(row['error'])} ({percent(row['error_low'])} to "
            f"{percent(row['error_high'])}), batch {row['batch']}, wait "
            f"{1e3 * row['wait_seconds']:.0f} ms, client late by {percentage(late, 0)} of it, "
            f"{percentage(row['away'])} of a core taken by others; wanted {_P99}. "
            f"{percentage(row['left_alone'])} left alone; of all P99 is "
            f"{row['measured_p99_all'] / row['measured_p99']:.2f} times that, and predicted with "
            f"the pauses that were counted "
            f"{row['predicted_p99_all'] / row['measured_p99']:.2f} times",
            row,
        )


def main() -> int:
    """Judge the examples that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    parser.add_argument("--keep", action="store_true", help="write what the repository shows")
    parser.add_argument("--latency", action="store_true", help="P99 alone, after a calibrate")
    parser.add_argument("--processes", type=int, default=_LOADED_PROCESSES, help="under load")
    options = parser.parse_args()
    if options.latency and options.keep:
        parser.error("--keep needs all figures")
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: of {', '.join(NAMES)}")
    kept = Path(mkdtemp(prefix="worked-"))
    echo(f"laws are left in {kept}")
    found: dict[str, dict[str, Any]] = {}
    failed = False
    for name in options.names or NAMES:
        folder = ROOT / "examples" / name
        begin = monotonic()
        if name == "orders":
            folder = ROOT / "data" / "pipeline"
        found[name] = {}
        figures_of = judged(name, folder, kept, options.processes)
        if options.latency:
            figures_of = under_load(name, folder, kept / f"{name}.json", options.processes)
        for what, line, figures in figures_of:
            found[name][what] = figures
            failed |= line.startswith("fail")
            echo(f"{name}, {what}: {line}")
        echo(f"{name}: {monotonic() - begin:.0f} s")
        if options.keep:
            keep(name, kept, found[name])
        if options.json:
            options.json.write_text(json.dumps(found, indent=1) + "\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
