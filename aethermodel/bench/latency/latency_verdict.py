"""Verdict on latency: predicted against measured P99, and tiers against their budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from typing import Any

from aethermodel import thresholds
from aethermodel.bench.latency.measurement import LatencyTrial
from aethermodel.model.queueing.arrivals import arrivals_in_words
from aethermodel.published.specification import Specification
from aethermodel.text.percentages import percentage
from aethermodel.text.times import microseconds
from aethermodel.verdict import Outcome, causes, judge, mostly_disturbed, worst


@dataclass(frozen=True)
class Judgement:
    """One criterion.

    Attributes
    ----------
    criterion : str
    measured, threshold : float
        Relative error, or seconds where `unit` is ``s``; NaN where nothing was measured.
    unit : {"1", "s"}
    outcome : {"pass", "fail", "inconclusive"}
    why : str
        What made it inconclusive; else empty.
    """

    criterion: str
    measured: float
    threshold: float
    unit: str
    outcome: Outcome
    why: str = ""


def judgements(trial: LatencyTrial, specification: Specification) -> list[Judgement]:
    """Judge a trial: the model's P99 at half and at 80 % load, and each tier's P50 and P99."""
    return [*_model(trial), *_plane(trial, specification), *_tiers(trial, specification)]


def overall(found: list[Judgement]) -> Outcome:
    """Return fail if anything fails, else inconclusive if anything is; else pass.

    The fabric's budget takes no part: without hardware nothing can be said of it.
    """
    outcomes = [one.outcome for one in found if not one.criterion.startswith("fabric")]
    return worst(outcomes or ["inconclusive"])


def _model(trial: LatencyTrial) -> Iterator[Judgement]:
    rows = [
        row
        for row in trial.table.to_dict("records")
        if any(abs(row["load"] - load) < 1e-9 for load in thresholds.JUDGED_LOADS)
    ]
    if not rows:
        wanted = " and ".join(percentage(load, 0) for load in thresholds.JUDGED_LOADS)
        name, why = f"model's P99 at {wanted} load", "no such load was run"
        yield Judgement(name, nan, thresholds.P99_ERROR, "1", "inconclusive", why)
    for row in rows:
        name = f"model's P99, {_offered(row)}"
        low, high = row["p99_error_low"], row["p99_error_high"]
        sizes = sorted((abs(low), abs(high)))
        least = 0.0 if low <= 0 <= high else sizes[0]
        figure = (abs(row["p99_error"]), least, sizes[1])
        yield judged(name, row, figure, thresholds.P99_ERROR, "1", trial.campaign.processes)


def judged(
    criterion: str,
    row: dict[str, float],
    figure: tuple[float, float, float],
    threshold: float,
    unit: str,
    processes: int,
    *,
    at_least: bool = False,
) -> Judgement:
    """Judge a figure: a miss counts unless the processes, or the system, leave it open.

    Of fewer than `thresholds.FEWEST_PROCESSES` it never counts: nobody knows what they differ by.

    Parameters
    ----------
    criterion : str
    row : dict
        With the shares of runs ``disturbed``, and of each cause (`aethermodel.verdict.causes`).
    figure : (value, low, high)
        As measured, and what its processes leave possible.
    threshold : float
    unit : {"1", "s"}
    processes : int
        That the figure is of.
    at_least : bool
        Whether the figure should reach the threshold; else it should not pass it.
    """
    value, low, high = figure
    disturbed = mostly_disturbed(row["disturbed"])
    outcome = judge(value, low, high, threshold, at_least=at_least, disturbed=disturbed)
    why = ""
    if outcome == "fail" and processes < thresholds.FEWEST_PROCESSES:
        few = f"{processes} process{'es' * (processes > 1)}"
        why = f"of {few} a miss says nothing: at least {thresholds.FEWEST_PROCESSES} --processes"
        outcome = "inconclusive"
    elif outcome == "inconclusive":
        why = f"the processes leave it between {_shown(low, unit)} and {_shown(high, unit)}"
        if disturbed:
            why = f"{percentage(row['disturbed'], 0)} of the runs were disturbed: {causes(row)}"
    return Judgement(criterion, value, threshold, unit, outcome, why)


def _shown(value: float, unit: str) -> str:
    return microseconds(value) if unit == "s" else percentage(value, 0)


def _offered(row: dict[Any, Any]) -> str:
    return f"{arrivals_in_words(row['arrivals'])} at {percentage(row['load'], 0)} load"


def _plane(trial: LatencyTrial, specification: Specification) -> Iterator[Judgement]:
    """Judge the plane by an event's whole way, under the highest load: stricter than its share."""
    budget = specification.budget_seconds["plane"]
    for row in trial.table[trial.table["load"] == trial.table["load"].max()].to_dict("records"):
        for name in ("p50", "p99"):
            criterion = f"plane {name.upper()}, {_offered(row)}"
            figure = (row[name], row[f"{name}_median_low"], row[f"{name}_median_high"])
            yield judged(criterion, row, figure, budget, "s", trial.campaign.processes)


def _tiers(trial: LatencyTrial, specification: Specification) -> Iterator[Judgement]:
    for row in trial.tiers.to_dict("records"):
        tier = row["tier"]
        budget = specification.budget_seconds[tier]
        for name in ("p50", "p99"):
            met: Outcome = "pass" if row[name] < budget else "fail"
            if tier == "fabric":
                why = f"measured on {trial.calibration.conditions.fabric}, no RDMA hardware"
                yield Judgement(
                    f"fabric {name.upper()}", row[name], budget, "s", "inconclusive", why
                )
            else:
                yield Judgement(f"{tier} {name.upper()}", row[name], budget, "s", met)
