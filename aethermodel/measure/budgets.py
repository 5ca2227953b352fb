"""The verdict on latency: the model against the measured P99, the tiers against their budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aethermodel.calibrate.comparison import Outcome
from aethermodel.measure.latency import LatencyTrial
from aethermodel.specification import Specification

#: The model is right about the tail where its P99 is off by no more.
P99_ERROR = 0.20
#: Loads at which that is judged.
JUDGED_LOADS = (0.5, 0.8)
# Processes whose P99 differ by more than the error allowed cannot show an error of that size.
_TRUSTED_SPREAD = P99_ERROR


@dataclass(frozen=True)
class Judgement:
    """One criterion.

    Attributes
    ----------
    criterion : str
    measured, threshold : float
        Relative error, or seconds where `unit` is ``s``.
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
    outcomes = {one.outcome for one in found if not one.criterion.startswith("fabric")}
    if "fail" in outcomes:
        return "fail"
    return "inconclusive" if "inconclusive" in outcomes or not outcomes else "pass"


def _model(trial: LatencyTrial) -> Iterator[Judgement]:
    for row in trial.table.to_dict("records"):
        if not any(abs(row["load"] - load) < 1e-9 for load in JUDGED_LOADS):
            continue
        error = abs(row["p99_error"])
        name = f"model's P99, {row['arrivals']} arrivals at {row['load']:.0%} load"
        why = _noise(row)
        if error <= P99_ERROR:
            yield Judgement(name, error, P99_ERROR, "1", "pass")
        else:
            yield Judgement(name, error, P99_ERROR, "1", "inconclusive" if why else "fail", why)


def _noise(row: dict[str, float]) -> str:
    """What stands in the way of blaming the model, if anything."""
    if row["disturbed"] > 0:
        return f"{row['disturbed']:.0%} of the runs were preempted or had time stolen"
    spread = (row["p99_high"] - row["p99_low"]) / row["p99"]
    if spread > _TRUSTED_SPREAD:
        return f"the processes' own P99 differ by {spread:.0%}"
    return ""


def _plane(trial: LatencyTrial, specification: Specification) -> Iterator[Judgement]:
    """Judge the plane by an event's whole way, under the highest load: stricter than its share."""
    budget = specification.budget_seconds["plane"]
    for row in trial.table[trial.table["load"] == trial.table["load"].max()].to_dict("records"):
        why = _noise(row)
        for name in ("p50", "p99"):
            criterion = f"plane {name.upper()}, {row['arrivals']} at {row['load']:.0%} load"
            missed: Outcome = "inconclusive" if why else "fail"
            met = row[name] < budget
            yield Judgement(
                criterion, row[name], budget, "s", "pass" if met else missed, "" if met else why
            )


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
