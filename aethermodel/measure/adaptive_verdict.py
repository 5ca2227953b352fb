"""The verdict on adaptive batching: the target held, and what it costs in throughput."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from aethermodel.calibrate.comparison import Outcome
from aethermodel.measure.adaptive import ADAPTIVE, AdaptiveTrial, is_fixed
from aethermodel.measure.budgets import Judgement

#: What adaptive batching carries, over the best fixed size, at least.
THROUGHPUT_SHARE = 0.9
#: The target is to be held up to this load.
HIGHEST_LOAD = 0.8
# Processes whose P99 differ by more, relative to the target, tell of the host.
_TRUSTED_SPREAD = 0.2


def adaptive_judgements(trial: AdaptiveTrial) -> list[Judgement]:
    """Judge P99 at every load up to 80 %, and throughput there and at full speed."""
    return [*_tails(trial), *_throughputs(trial)]


def _tails(trial: AdaptiveTrial) -> Iterator[Judgement]:
    target = trial.campaign.target_seconds
    for row in _adaptive(trial.table).to_dict("records"):
        name = f"P99, {row['arrivals']} arrivals at {row['load']:.0%} load"
        why = ""
        if row["disturbed"] > 0:
            why = f"{row['disturbed']:.0%} of the runs were preempted or had time stolen"
        elif row["p99_high"] - row["p99_low"] > _TRUSTED_SPREAD * target:
            why = f"the processes' own P99 differ by {row['p99_high'] - row['p99_low']:.2g} s"
        yield _judged(name, row["p99"], target, "s", row["p99"] <= target, why)


def _throughputs(trial: AdaptiveTrial) -> Iterator[Judgement]:
    table = trial.table
    for row in _adaptive(table).to_dict("records"):
        same = (table["arrivals"] == row["arrivals"]) & (table["load"] == row["load"])
        best = table[same & table["rule"].map(is_fixed)]["delivered_per_second"].max()
        share = float(row["delivered_per_second"] / best)
        name = f"throughput over the best fixed size, {row['arrivals']} at {row['load']:.0%} load"
        why = "the runs were preempted or had time stolen" if row["disturbed"] > 0 else ""
        yield _judged(name, share, THROUGHPUT_SHARE, "1", share >= THROUGHPUT_SHARE, why)
    share = trial.saturated_share()
    name = "throughput over the best fixed size, at full speed"
    yield _judged(name, share, THROUGHPUT_SHARE, "1", share >= THROUGHPUT_SHARE, "")


def _adaptive(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["rule"] == ADAPTIVE) & (table["load"] <= HIGHEST_LOAD + 1e-9)]


def _judged(name: str, value: float, threshold: float, unit: str, met: bool, why: str) -> Judgement:
    missed: Outcome = "inconclusive" if why else "fail"
    return Judgement(name, value, threshold, unit, "pass" if met else missed, "" if met else why)
