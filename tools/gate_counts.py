"""Counts of the gate over simulated histories: how often it stops a change, and an unchanged one.

Each simulation draws a history of runs, one that grew a parameter and one that did not: a base law
whose level differs from run to run (state noise) and whose samples scatter, each run fitted and
judged as `aethermodel gate` does it. The same runs serve histories of several lengths, several
runs of the head and several limits.

Run as ``python tools/gate_counts.py --simulations 1000``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from aethermodel.gate.gate import gate
from aethermodel.gate.limits import limits_of
from aethermodel.gate.runs import LawRun, Run
from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements, Series

FIXED, EACH = 200e-6, 3e-6
SIZES = np.array([1, 4, 16, 64, 256, 1024, 4096, 16384], dtype=np.float64)
#: Of a row: history, heads, limit; whether the parameter grew; outcome.
Row = tuple[int, int, str, str, str]


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes
    ----------
    state : float
        Relative standard deviation of a run as a whole.
    noise : float
        Relative standard deviation of a sample.
    repeats : int
        Samples of each size in a run.
    growth : float
        Of the fixed cost in a change.
    histories, heads : tuple of int
        Runs before, and of the change.
    limits : tuple of str
        As on the command line; empty for none.
    """

    state: float
    noise: float
    repeats: int
    growth: float
    histories: tuple[int, ...]
    heads: tuple[int, ...]
    limits: tuple[str, ...]


def run_of(setting: Setting, rng: np.random.Generator, growth: float) -> Run:
    """Return one run, fitted."""
    sizes = np.repeat(SIZES, setting.repeats)
    level = rng.normal(0, setting.state)
    seconds = (FIXED * (1 + growth) + EACH * sizes) * np.exp(
        level + rng.normal(0, setting.noise, sizes.size)
    )
    series = Series({}, sizes, seconds)
    measured = Measurements("run", "simulated", "n", "", "per batch", (series,))
    return LawRun("run", fit(measured).only())


def simulated(job: tuple[Setting, int]) -> list[Row]:
    """Judge one simulated history in all ways."""
    setting, seed = job
    rng = np.random.default_rng([seed, round(1e6 * setting.state)])
    base = [run_of(setting, rng, 0.0) for _ in range(max(setting.histories))]
    sides = {
        "changed": [run_of(setting, rng, setting.growth) for _ in range(max(setting.heads))],
        "unchanged": [run_of(setting, rng, 0.0) for _ in range(max(setting.heads))],
    }
    rows = []
    for history, count, limit in product(setting.histories, setting.heads, setting.limits):
        for name, head in sides.items():
            limits = limits_of([limit] if limit else [])
            verdict = gate({"": base[-history:]}, {"": head[:count]}, limits)
            rows.append((history, count, limit or "no limit", name, verdict.outcome))
    return rows


def counted(setting: Setting, simulations: int, processes: int) -> Iterator[tuple[Row, int]]:
    """Yield how often each way of judging had each outcome."""
    jobs = [(setting, seed) for seed in range(simulations)]
    counts: Counter[Row] = Counter()
    with Pool(processes) as pool:
        for rows in pool.imap_unordered(simulated, jobs, chunksize=4):
            counts.update(rows)
    yield from sorted(counts.items())


def main() -> None:
    """Print a line for each way of judging and outcome; write them as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--states", default="0.005,0.01,0.02")
    parser.add_argument("--histories", default="10,20")
    parser.add_argument("--heads", default="1,3")
    parser.add_argument("--limits", default="c0=+5%;T(1)=+5%;")
    parser.add_argument("--noise", type=float, default=0.02)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--growth", type=float, default=0.10)
    parser.add_argument("--json")
    given = parser.parse_args()
    found = []
    for state in map(float, given.states.split(",")):
        setting = Setting(
            state, given.noise, given.repeats, given.growth,
            tuple(map(int, given.histories.split(","))), tuple(map(int, given.heads.split(","))),
            tuple(given.limits.split(";")),
        )  # fmt: skip
        for (history, heads, limit, name, outcome), count in counted(
            setting, given.simulations, given.processes
        ):
            sys.stdout.write(
                f"state {state:.1%}, history {history}, heads {heads}, {limit}, {name}: "
                f"{outcome} {count} of {given.simulations}\n"
            )
            found.append(
                {"state": state, "history": history, "heads": heads, "limit": limit,
                 "head": name, "outcome": outcome, "count": count,
                 "simulations": given.simulations}
            )  # fmt: skip
        sys.stdout.flush()
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
