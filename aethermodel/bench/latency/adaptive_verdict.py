"""Verdict on adaptive batching: latency target held, and throughput given up for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.bench.latency.adaptive import ADAPTIVE, AdaptiveTrial, is_fixed
from aethermodel.bench.latency.latency_verdict import Judgement, judged
from aethermodel.measure.host.disturbance import MARKS
from aethermodel.model.queueing.arrivals import arrivals_in_words
from aethermodel.order_statistics import median_interval
from aethermodel.text.percentages import percentage

# At full speed every rule is run several times a process, interleaved; no run of it is marked.
_CALM = dict.fromkeys(MARKS, 0.0)


def adaptive_judgements(trial: AdaptiveTrial) -> list[Judgement]:
    """Judge P99 at every load up to 80 %, and throughput there and at full speed."""
    return [*_tails(trial), *_throughputs(trial)]


def _tails(trial: AdaptiveTrial) -> Iterator[Judgement]:
    target = trial.campaign.target_seconds
    for row in _adaptive(trial.table).to_dict("records"):
        name = f"P99, {arrivals_in_words(row['arrivals'])} at {percentage(row['load'], 0)} load"
        figure = (row["p99"], row["p99_median_low"], row["p99_median_high"])
        yield judged(name, row, figure, target, "s", trial.campaign.processes)


def _throughputs(trial: AdaptiveTrial) -> Iterator[Judgement]:
    least, processes = thresholds.ADAPTIVE_SHARE, trial.campaign.processes
    for row in _adaptive(trial.table).to_dict("records"):
        name = (
            f"throughput against the best fixed size's, {arrivals_in_words(row['arrivals'])} at "
            f"{percentage(row['load'], 0)} load"
        )
        figure = _delivered(trial, row)
        yield judged(name, row, figure, least, "1", processes, at_least=True)
    name = "throughput against the best fixed size's, at full speed"
    shares = trial.saturated_shares()
    figure = (trial.saturated_share(), *median_interval(shares).ends)
    yield judged(name, _CALM, figure, least, "1", processes, at_least=True)


def _delivered(trial: AdaptiveTrial, row: dict[str, Any]) -> tuple[float, float, float]:
    """Return adaptive over the fixed size best by median: itself, and by process its interval."""
    runs = trial.runs
    same = runs[(runs["arrivals"] == row["arrivals"]) & (runs["load"] == row["load"])]
    rates = same.pivot(index="process", columns="rule", values="delivered_per_second")
    medians = rates.median()
    best = medians[medians.index.map(is_fixed)].idxmax()
    interval = median_interval(rates[ADAPTIVE] / rates[best]).ends
    return float(medians[ADAPTIVE] / medians[best]), *interval


def _adaptive(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["rule"] == ADAPTIVE) & (table["load"] <= thresholds.ADAPTIVE_LOAD + 1e-9)]
