"""`aethermodel validate`: the sum of the terms against the measured whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel import thresholds
from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.cli.shared.options import records_of
from aethermodel.text.percentages import percent, percentage
from aethermodel.text.times import duration

if TYPE_CHECKING:
    from aethermodel.measure.campaign.validation import Trial

# How terms go together, in words.
_COMPOSITIONS = {
    "serial": "one after the other",
    "pipelined": "side by side, where the slower one counts",
}
#: Options that a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"file", "pipeline", "batch_sizes", "json", "processes", "repeats", "seed", "seconds",
     "samples", "calibration", "pin", "wait_seconds"}
)  # fmt: skip


def command(
    ctx: typer.Context,
    file: pipeline_choice.Argument = None,
    pipeline: pipeline_choice.Option = None,
    batch_sizes: options.BatchSizes = None,
    loop: options.Loop = None,
    fabric: Annotated[
        str | None,
        typer.Option(
            help="loopback; from another process shm, tcp or verbs; or all, one by one "
            "[default: loopback]"
        ),
    ] = None,
    record_bytes: options.RecordBytes = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: Annotated[int | None, options.processes(8)] = None,
    repeats: Annotated[int | None, options.repeats(2)] = None,
    seed: options.Seed = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            callback=options.writing("Parquet"),
            help="write the samples to this Parquet file [default: not kept]",
        ),
    ] = None,
    seconds: Annotated[
        float, options.budget("time budget of each fabric, after one pass")
    ] = thresholds.VALIDATION_SECONDS,
    calibration: Annotated[
        Path | None,
        options.calibration(
            "with a pipeline of your own: its calibration, and nothing is fitted "
            "[default: calibrate in the same run]"
        ),
    ] = None,
    pin: options.Pin = None,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Calibrate each term isolated, predict the pipeline end to end, and compare.

    Example: aethermodel validate -n 1,100,10000 --loop uvloop

    Example: aethermodel validate --fabric all --json validate.json

    Example: aethermodel validate --fabric shm --pin 2:3

    Example: aethermodel validate orders.py

    Exit status: 0 pass or inconclusive, 1 a fabric fails, 2 bad input.
    """
    from typing import get_args

    from aethermodel.measure.host import affinity

    affinity.use(pin)
    if own := pipeline_choice.chosen(file, pipeline):
        from aethermodel.cli.pipelines.validate import validate_own

        options.refuse_options(ctx, _OF_A_PIPELINE, f"is the built-in pipeline's, not {own}'s")
        validate_own(
            own,
            pipeline_choice.campaign_options(batch_sizes, processes, repeats, seed),
            seconds=seconds,
            calibration=calibration,
            samples=samples,
            json=json,
            wait_seconds=wait_seconds,
        )
    if calibration is not None:
        raise ValueError("--calibration is for a pipeline of your own (FILE.py)")
    from aethermodel.console import progress
    from aethermodel.fabrics import HostFabric
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.campaign.campaign_settings import Campaign
    from aethermodel.measure.campaign.validation import Trial

    given: dict[str, Any] = {
        "batch_sizes": batch_sizes,
        "event_loop": loop,
        "record_bytes": record_bytes,
        "topics": topics,
        "processes": processes,
        "repeats": repeats,
        "seed": seed,
        "pin": pin,
    }
    every = fabric == "all"
    if every and pool is not None:
        raise ValueError("--pool is loopback's own: with --fabric all leave it out")
    wanted = get_args(HostFabric) if every else (fabric,)
    campaigns = [Campaign(**given, fabric=one, pool=pool) for one in wanted]
    trials = []
    tell_duration(seconds * len(campaigns), "budget")
    with measuring(wait_seconds):
        for campaign in campaigns:
            with progress(f"measuring, {campaign.fabric}", budget=seconds) as advance:
                trials.append(Trial.run(campaign, advance, seconds=seconds))
    for trial in trials:
        if samples:
            own = f"{samples.stem}-{trial.campaign.fabric}{samples.suffix}"
            trial.save(samples.with_name(own) if every else samples)
        if json != "-":
            print_trial(trial)
    if json and every:
        # Each trial carries its own label.
        figures = {"trials": [{"fabric": t.campaign.label, **t.figures()} for t in trials]}
        write_document(document("aethermodel.validate.all/1", "mixed", figures), json)
    elif json:
        only = trials[0]
        content = document("aethermodel.validate/1", only.campaign.label, only.figures())
        write_document(content, json)
    raise typer.Exit(1 if any(t.verdict.outcome == "fail" for t in trials) else 0)


def print_trial(trial: Trial) -> None:
    """Print the comparison table and the verdict."""
    from aethermodel.calibrate.calibration.composition import composition_errors
    from aethermodel.calibrate.predict.comparison import spread_in_words
    from aethermodel.cli.shared.in_place import print_in_place
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.cli.shared.trial_words import covered, disturbed
    from aethermodel.report.engineering_notation import engineering, interval

    c = trial.campaign
    processes = "from another process" if c.crosses else "one process"
    heads = ("N", "measured", "predicted", "95 % interval", "error", "rate")
    table = Table(
        f"{processes}, {c.event_loop}, {c.topics} topics{records_of(c.record_bytes)} [{c.label}]",
        (*heads, "all samples", "left out", "copy ceiling"),
    )
    for row in trial.table.itertuples():
        table.add(
            f"{row.n:,}",
            duration(row.measured_seconds),
            duration(row.predicted_seconds),
            interval(row.predicted_low, row.predicted_high, "s"),
            percent(row.error),
            engineering(row.measured_per_second, "msg/s"),
            engineering(row.all_per_second, "msg/s"),
            percentage(row.share_left_out, 0),
            engineering(row.copy_per_second, "msg/s"),
        )
    show(table)
    say(
        [
            f"{trial.verdict.outcome.upper()}: {trial.verdict.why}",
            f"The pipeline {trial.headline}.",
            f"By the model, of the batches calibrated, {trial.best_sizes}.",
            *(_composed(row) for row in composition_errors(trial.table).itertuples()),
            "",
        ]
    )
    print_in_place(trial.in_place, trial.told)
    say(
        [
            covered(trial.table),
            disturbed(trial.samples),
            *_contended(trial.contended_share),
            "What the pipeline's processes differ by: "
            f"{spread_in_words(trial.table, trial.verdict.spread)}.",
        ]
    )


def _contended(share: float) -> list[str]:
    """Say what is left out of samples that count; of nothing, nothing."""
    if share < 0.005:
        return []
    return [
        f"Of the time of the others {percentage(share, 0)} is left out: a neighbour on the same "
        "core slowed it down."
    ]


def _composed(errors: Any) -> str:
    """Say how far off the terms are, composed in one way."""
    how = _COMPOSITIONS[errors.composition]
    mean, worst = percentage(errors.mean_error), percentage(errors.worst_error)
    return (
        f"Terms {how} ({errors.composition}{', the prediction' * errors.predicted}): "
        f"{mean} off on average, {worst} at worst."
    )
