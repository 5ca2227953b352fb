"""Counts of the gate over simulated histories: how often it stops a change, and an unchanged one.

Each simulation draws a history of runs, a head that grew a parameter and a head that did not. Runs
come from a pool: samples of a base law that scatter, fitted as `aethermodel fit` does it. A drawn
run has a level of its own (state noise), which multiplies all its times, and so all costs of its
law. The same runs serve histories of several lengths, several runs of the head and several limits;
`aethermodel.gate.gate.gate` judges.

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
from pathlib import Path
from typing import Any

import numpy as np

from aethermodel.gate.alignment import AlignedRun
from aethermodel.gate.gate import gate
from aethermodel.gate.limits import Quantity, limits_of
from aethermodel.gate.runs import Estimate, LawRun, Run
from aethermodel.laws.families.terms import Term
from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements, Series

FIXED, EACH = 200e-6, 3e-6
SIZES = np.array([1, 4, 16, 64, 256, 1024, 4096, 16384], dtype=np.float64)
#: What most runs of such a program are fitted by: c0 + c1 N.
AFFINE = (Term("one"), Term("power", 1.0))
#: Fitted runs, unchanged and changed.
Pools = tuple[list[dict[str, Estimate]], list[dict[str, Estimate]]]
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


@dataclass(frozen=True)
class LeveledRun:
    """A fitted run at a level.

    Parameters
    ----------
    known : dict of str to Estimate
        Quantities of the run as it was fitted.
    level : float
        Logarithm of what multiplies all its times.
    """

    known: dict[str, Estimate]
    level: float
    label: str = "run"

    @property
    def sizes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Measured sizes."""
        return SIZES

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity."""
        fitted = self.known[str(quantity)]
        return Estimate(fitted.log + self.level, fitted.variance)

    def unit(self, quantity: Quantity) -> str:
        """Every quantity here is a time."""
        return "s"


def fitted(setting: Setting, rng: np.random.Generator, growth: float) -> dict[str, Estimate]:
    """Fit one run, and return all that a gate may ask of it."""
    sizes = np.repeat(SIZES, setting.repeats)
    scatter = np.exp(rng.normal(0, setting.noise, sizes.size))
    seconds = (FIXED * (1 + growth) + EACH * sizes) * scatter
    series = Series({}, sizes, seconds)
    measured = Measurements("run", "simulated", "n", "", "per batch", (series,))
    run = LawRun("run", fit(measured).only())
    # As the gate compares parameters: in the terms that most runs have.
    costs = AlignedRun(run, AFFINE, {"c0": "s", "c1": "s"})
    asked = [limit.quantity for limit in limits_of([text for text in setting.limits if text])]
    asked += [Quantity(size=size) for size in SIZES]
    return {str(quantity): costs.estimate(quantity) for quantity in asked}


def simulated(setting: Setting, pools: Pools, seed: int) -> list[Row]:
    """Judge one simulated history in all ways."""
    rng = np.random.default_rng([seed, round(1e6 * setting.state)])

    def drawn(pool: list[dict[str, Estimate]], count: int) -> list[Run]:
        chosen = rng.choice(len(pool), count, replace=False)
        return [LeveledRun(pool[at], float(rng.normal(0, setting.state))) for at in chosen]

    heads = max(setting.heads)
    runs = drawn(pools[0], max(setting.histories) + heads)
    base = runs[heads:]
    sides = {"changed": drawn(pools[1], heads), "unchanged": runs[:heads]}
    rows: list[Row] = []
    for history, count, limit in product(setting.histories, setting.heads, setting.limits):
        for name, head in sides.items():
            limits = limits_of([limit] if limit else [])
            verdict = gate({"": base[-history:]}, {"": head[:count]}, limits)
            rows.append((history, count, limit or "no limit", name, verdict.outcome))
    return rows


def pools_of(setting: Setting, size: int) -> Pools:
    """Fit the runs that simulations draw from: unchanged ones and a third as many changed ones."""
    rng = np.random.default_rng(0)
    return (
        [fitted(setting, rng, 0.0) for _ in range(size)],
        [fitted(setting, rng, setting.growth) for _ in range(size // 3)],
    )


def counted(setting: Setting, pools: Pools, simulations: int) -> Iterator[tuple[Row, int]]:
    """Yield how often each way of judging had each outcome."""
    counts: Counter[Row] = Counter()
    for seed in range(simulations):
        counts.update(simulated(setting, pools, seed))
    yield from sorted(counts.items())


def main() -> None:
    """Print a line for each way of judging and outcome; write them as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--pool", type=int, default=600)
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
    pools: Pools | None = None
    for state in map(float, given.states.split(",")):
        setting = Setting(
            state, given.noise, given.repeats, given.growth,
            tuple(map(int, given.histories.split(","))), tuple(map(int, given.heads.split(","))),
            tuple(given.limits.split(";")),
        )  # fmt: skip
        pools = pools or pools_of(setting, given.pool)
        for (history, heads, limit, name, outcome), count in counted(
            setting, pools, given.simulations
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
