"""Counts of the gate over simulated histories: how often it stops a change, and an unchanged one.

Each simulation draws a history of runs and one to be judged: a base law whose level differs from
run to run (state noise) and whose samples scatter, fitted and judged as `aethermodel gate` does. In
one half of the simulations nothing changed, in the other one parameter of the law grew.

Run as ``python tools/gate_counts.py --simulations 1000``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from itertools import product
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolType

import numpy as np

from aethermodel.gate.gate import gate
from aethermodel.gate.limits import limits_of
from aethermodel.gate.runs import LawRun
from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements, Series

FIXED, EACH = 200e-6, 3e-6
SIZES = np.array([1, 4, 16, 64, 256, 1024, 4096, 16384], dtype=np.float64)


@dataclass(frozen=True)
class Setting:
    """One kind of history.

    Attributes
    ----------
    state : float
        Relative standard deviation of a run as a whole.
    noise : float
        Relative standard deviation of a sample.
    repeats : int
        Samples of each size in a run.
    history, heads : int
        Runs before, and of the change.
    limit : str
        As on the command line; empty for none.
    growth : float
        Of the parameter in a change.
    """

    state: float
    noise: float
    repeats: int
    history: int
    heads: int
    limit: str
    growth: float


def run_of(setting: Setting, rng: np.random.Generator, growth: float) -> LawRun:
    """Return one run, fitted; the fixed cost has grown."""
    sizes = np.repeat(SIZES, setting.repeats)
    seconds = FIXED * (1 + growth) + EACH * sizes
    seconds = seconds * np.exp(
        rng.normal(0, setting.state) + rng.normal(0, setting.noise, sizes.size)
    )
    series = Series({}, sizes, seconds)
    measured = Measurements("run", "simulated", "n", "", "per batch", (series,))
    return LawRun("run", fit(measured).only())


def outcome_of(setting: Setting, seed: int, growth: float) -> str:
    """Judge one simulated change."""
    rng = np.random.default_rng([seed, int(1000 * growth)])
    base = [run_of(setting, rng, 0.0) for _ in range(setting.history)]
    head = [run_of(setting, rng, growth) for _ in range(setting.heads)]
    limits = limits_of([setting.limit] if setting.limit else [])
    try:
        return gate({"": base}, {"": head}, limits).outcome
    except ValueError:
        # Runs fitted by laws of different families: a parameter of one is none of another.
        return "refused"


def counts_of(setting: Setting, simulations: int, pool: PoolType) -> dict[str, dict[str, int]]:
    """Count the outcomes of changed and of unchanged heads."""
    counts: dict[str, dict[str, int]] = {}
    for name, growth in (("changed", setting.growth), ("unchanged", 0.0)):
        jobs = [(setting, seed, growth) for seed in range(simulations)]
        counts[name] = dict(Counter(pool.starmap(outcome_of, jobs, chunksize=8)))
    return counts


def main() -> None:
    """Print a row a setting, and write all counts as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__)
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
    first = Setting(0, given.noise, given.repeats, 0, 0, "", given.growth)
    rows = []
    with Pool(given.processes) as pool:
        for state, history, heads, limit in product(
            given.states.split(","), given.histories.split(","), given.heads.split(","),
            given.limits.split(";"),
        ):  # fmt: skip
            setting = replace(
                first, state=float(state), history=int(history), heads=int(heads), limit=limit
            )
            counts = counts_of(setting, given.simulations, pool)
            rows.append({**asdict(setting), "simulations": given.simulations, "counts": counts})
            sys.stdout.write(
                f"state {setting.state:.1%}, history {history}, heads {heads}, "
                f"{limit or 'no limit'}: changed {counts['changed']}, "
                f"unchanged {counts['unchanged']}\n"
            )
            sys.stdout.flush()
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(rows, file, indent=2)


if __name__ == "__main__":
    main()
