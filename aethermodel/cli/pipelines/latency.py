"""`aethermodel bench latency --pipeline FILE.py`: latency under load, measured and predicted."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aethermodel.cli.shared.measuring import announced, measuring
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.pipelines.latency import LatencyTrial

_PROCESSES = 5
# Of a process: opening, capacity, and the runs of each load with what is watched around them.
_PROCESS_SECONDS, _LOAD_SECONDS = 2.5, 4.0


def latency_own(
    reference: str,
    calibration: Path | None,
    *,
    group: int | None,
    loads: str | None,
    processes: int | None,
    batches: int | None,
    seconds: float,
    seed: int,
    json: str | None,
    wait_seconds: float | None,
) -> None:
    """Put loads on a pipeline, compare with the queueing model, and judge P99."""
    from aethermodel import thresholds
    from aethermodel.cli.pipelines.calibrate import calibrated
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.pipelines.calibration import load_for
    from aethermodel.pipelines.latency import measure_latency, recommended_size
    from aethermodel.pipelines.pipeline_file import load_pipeline

    wanted = _loads(loads) if loads else thresholds.JUDGED_LOADS
    pipeline = load_pipeline(reference)
    known = load_for(reference, calibration) if calibration else None
    count = processes or _PROCESSES
    lasting = count * (_PROCESS_SECONDS + _LOAD_SECONDS * len(wanted))
    with measuring(wait_seconds):
        if known is None:
            known = calibrated(reference, seconds, later=lasting)
        n = group or recommended_size(known)
        stage = "" if calibration else "[2/2] "
        with progress(f"{stage}processes under load") as advance:
            trial = measure_latency(
                pipeline,
                known,
                n,
                loads=wanted,
                processes=count,
                batches=batches,
                seed=seed,
                progress=announced(advance, lasting) if calibration else advance,
            )
    if json:
        content = document("aethermodel.pipeline.latency/1", None, trial.figures())
        write_document(content, json)
    if json != "-":
        print_trial(trial)
    raise typer.Exit(1 if trial.outcome == "fail" else 0)


def _loads(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--loads: shares such as 0.5,0.8, not {text!r}") from None


def _what_leaves_open(row: dict[str, Any]) -> str:
    """Say what makes the interval of P99's error wide, and what would narrow it."""
    from aethermodel import thresholds
    from aethermodel.verdict import mostly_disturbed

    if row["processes"] < thresholds.FEWEST_PROCESSES:
        return (
            f"a miss of {row['processes']} says nothing: at least "
            f"{thresholds.FEWEST_PROCESSES} --processes"
        )
    if mostly_disturbed(row["disturbed"]):
        return (
            f"{percentage(row['disturbed'], 0)} of the runs were disturbed: run it on a quiet host"
        )
    by = {name: (row[f"p99_error_{name}_low"], row[f"p99_error_{name}_high"])
          for name in ("laws", "processes")}  # fmt: skip
    wider = max(by, key=lambda name: by[name][1] - by[name][0])
    low, high = by[wider]
    if wider == "laws":
        remedy = "a longer calibrate (--seconds, --processes) narrows it"
    else:
        remedy = f"it was {row['processes']} processes: more (--processes) narrow it"
    return f"the {wider} alone leave it between {percent(low)} and {percent(high)}: {remedy}"


def _left_alone(row: dict[str, Any]) -> str:
    """Say what P99 is of, what it is all in all, and what of its error is the queue's."""
    from aethermodel.report.engineering_notation import engineering

    alone = f"{percentage(row['left_alone'])} of the batches were held up by nobody else"
    if isnan(row["left_alone"]):
        alone = "nobody knows which batches others held up"
    return (
        f"{alone}; of all P99 is {engineering(row['p99_all'], 's')}. A batch took "
        f"{row['pace']:.2f} times as long as by the terms: for the same rate instead of load P99 "
        f"is off by {percent(row['p99_error_rate'])}"
    )


def print_trial(trial: LatencyTrial) -> None:
    """Print latencies, measured and predicted, and what they are judged by."""
    from aethermodel import thresholds
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering

    names = tuple(thresholds.PERCENTILES)
    table = Table(
        f"{trial.calibration.pipeline}: latency, batches of {trial.n:,} arrive at random",
        ("load", "", "offered", *(name.upper() for name in names), "P99 error"),
        text=("",),
        keys=2,
    )
    for row in trial.table.to_dict("records"):
        offered = engineering(row["offered_per_second"], "records/s")
        for kind, prefix in (("measured", ""), ("model", "predicted_"), ("ideal host", "ideal_")):
            first = kind == "measured"
            table.add(
                percentage(row["load"], 0) if first else "",
                kind,
                offered if first else "",
                *(engineering(row[prefix + name], "s") for name in names),
                percent(row["p99_error"]) if kind == "model" else "",
            )
    show(table)
    say(
        f"capacity {engineering(trial.capacity_per_second, 'records/s')} measured, "
        f"{engineering(trial.predicted_capacity_per_second, 'records/s')} predicted"
    )
    for row in trial.table.to_dict("records"):
        say(
            f"P99 at {percentage(row['load'], 0)} load: off by {percent(row['p99_error'])} "
            f"({percent(row['p99_error_low'])} to {percent(row['p99_error_high'])}), allowed "
            f"{percentage(thresholds.P99_ERROR, 0)}: {row['outcome']}"
        )
        if not isnan(row["pace"]):
            say(_left_alone(row))
        if row["outcome"] == "inconclusive":
            say(_what_leaves_open(row))
    typer.echo(trial.outcome.upper())
