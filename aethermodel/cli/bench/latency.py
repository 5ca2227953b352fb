"""`aethermodel bench latency`: latency of the pipeline at fixed loads, compared with the model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel import thresholds
from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.inputs.unset_values import without_unset
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.bench.latency.latency_verdict import Judgement
    from aethermodel.bench.latency.measurement import LatencyTrial

_OPTIONS = {
    "largest": "--largest",
    "batches": "--batches",
    "target_seconds": "--target",
    "sizes": "--sizes",
    "seconds": "--run-seconds",
}


#: Options that a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"pipeline", "calibration", "loads", "group", "batches", "processes", "seconds", "seed",
     "pin", "wait_seconds", "json"}
)  # fmt: skip


def command(
    ctx: typer.Context,
    pipeline: pipeline_choice.Option = None,
    calibration: Annotated[
        Path | None, options.calibration("calibration file [default: calibrate first]")
    ] = None,
    loads: Annotated[
        str | None,
        typer.Option(
            help="offered loads, as fractions of the measured capacity "
            "[default: 0.2,0.5,0.8; with --adaptive 0.05,0.2,0.5,0.8]"
        ),
    ] = None,
    arrivals: Annotated[
        str | None,
        typer.Option(
            help="patterns of arrival: poisson,periodic,bursty [default: all; with --adaptive "
            "poisson,bursty]"
        ),
    ] = None,
    group: Annotated[
        int | None,
        options.whole(
            help="messages of one arriving batch; with --pipeline the recommended size "
            "[default: 256; with --adaptive 512]"
        ),
    ] = None,
    largest: Annotated[
        int | None, typer.Option(help="most arriving batches that a tick takes [default: 32]")
    ] = None,
    batches: Annotated[
        int | None, options.whole(help="arriving batches in a run [default: 40000]")
    ] = None,
    fabric: Annotated[
        str | None,
        typer.Option("--fabric", help="loopback, or shm from another process [default: loopback]"),
    ] = None,
    loop: options.Loop = None,
    topics: options.Topics = None,
    processes: Annotated[
        int | None,
        typer.Option(help="fresh processes to run in [default: 15; with --adaptive 3]"),
    ] = None,
    seconds: Annotated[
        float, options.budget("time budget of the calibration")
    ] = thresholds.CALIBRATION_SECONDS,
    seed: Annotated[int, typer.Option(help="seed of the schedules and of their order")] = 0,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="compare adaptive batching with fixed batch sizes")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(help="P99 that --adaptive shall keep, such as 500us [default: 1ms]"),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="fixed sizes to compare --adaptive with, in arriving batches [default: 1,8,32,128]"
        ),
    ] = None,
    run_seconds: Annotated[
        float | None, typer.Option(help="duration of a run with --adaptive [default: 0.2]")
    ] = None,
    pin: options.Pin = None,
    verbose: options.Verbose = False,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Measure latency under load without coordinated omission, compared with the queueing model.

    Example: aethermodel bench latency --loads 0.5,0.8 --arrivals poisson --json latency.json

    Example: aethermodel bench latency --adaptive --target 1ms --json adaptive.json

    Example: aethermodel bench latency --pipeline orders.py -c calibration.json --group 500

    Exit status: 0 pass or inconclusive, 1 fail, 2 bad input.
    """
    from aethermodel.cli.shared.law_input import seconds_of
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.measure.host import affinity

    affinity.use(pin)
    if own := pipeline_choice.chosen(None, pipeline):
        from aethermodel.cli.pipelines.latency import latency_own

        options.refuse_options(ctx, _OF_A_PIPELINE, f"is the built-in pipeline's, not {own}'s")
        latency_own(
            own,
            calibration,
            group=group,
            loads=loads,
            processes=processes,
            batches=batches,
            seconds=seconds,
            seed=seed,
            json=json,
            wait_seconds=wait_seconds,
        )
    from aethermodel.bench.latency.adaptive import AdaptiveCampaign, AdaptiveTrial
    from aethermodel.bench.latency.adaptive_verdict import adaptive_judgements
    from aethermodel.bench.latency.latency_campaign import LatencyCampaign
    from aethermodel.bench.latency.latency_verdict import judgements, overall
    from aethermodel.bench.latency.measurement import LatencyTrial
    from aethermodel.cli.bench.adaptive import print_adaptive
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.campaign.calibrate import calibrate_host
    from aethermodel.measure.campaign.campaign_settings import Campaign
    from aethermodel.measure.campaign.stored_calibrations import load_calibration
    from aethermodel.published.specification import load_specification

    if calibration and (loop or topics or fabric):
        raise ValueError("loop, topics and fabric are the calibration's own; leave them out")
    if fabric not in (None, "loopback", *(() if adaptive else ("shm",))):
        possible = "loopback" if adaptive else "loopback or shm"
        raise ValueError(f"load is put on {possible}, not {fabric!r}")
    given: dict[str, Any] = {
        "loads": loads,
        "arrivals": arrivals,
        "group": group,
        "processes": processes,
        "seed": seed,
    }
    plain = {"largest": largest, "batches": batches}
    ours = {
        "target_seconds": None if target is None else seconds_of("--target", target),
        "sizes": sizes,
        "seconds": run_seconds,
    }
    for name, value in (plain if adaptive else ours).items():
        if value is not None:
            only = "without" if adaptive else "with"
            raise ValueError(f"{_OPTIONS[name]} goes {only} --adaptive")
    given = without_unset(given | plain | ours)
    campaign = (AdaptiveCampaign if adaptive else LatencyCampaign).model_validate(given)
    terms = Campaign(event_loop=loop, topics=topics, fabric=fabric or "loopback", pin=pin)
    known = load_calibration(calibration) if calibration else None
    if known:
        campaign.settings(known)  # another fabric's is refused before the host is taken
    trial: LatencyTrial | AdaptiveTrial
    loaded = SECONDS["latency"] - 60.0  # of which the calibration takes a minute
    tell_duration(loaded * campaign.processes / (3 if adaptive else 15) + (0 if known else seconds))
    with measuring(wait_seconds):
        if known is None:
            with progress("[1/2] calibrating", budget=seconds) as advance:
                known = calibrate_host(terms, advance, seconds=seconds)
        with progress("[2/2] processes under load") as advance:
            if isinstance(campaign, AdaptiveCampaign):
                trial = AdaptiveTrial.run(campaign, known, advance)
                found = adaptive_judgements(trial)
            else:
                trial = LatencyTrial.run(campaign, known, advance)
                found = judgements(trial, load_specification())
    outcome = overall(found)
    if json:
        figures = {"outcome": outcome, "judgements": [asdict(one) for one in found]}
        schema = f"aethermodel.bench.latency{'.adaptive' if adaptive else ''}/1"
        content = {**figures, "pin": pin, **trial.figures()}
        write_document(document(schema, known.conditions.fabric, content), json)
    if json != "-":
        if isinstance(trial, AdaptiveTrial):
            print_adaptive(trial, verbose=verbose)
        else:
            print_trial(trial, verbose=verbose)
        print_judgements(found)
        say(f"{outcome.upper()}")
    raise typer.Exit(1 if outcome == "fail" else 0)


def print_trial(trial: LatencyTrial, *, verbose: bool = False) -> None:
    """Print latencies, measured and predicted."""
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering

    def shown(row: dict[str, float], kind: str) -> list[str]:
        names = ("p50", "p90", "p99", "p99.9")
        return [engineering(row[f"{kind}{name}"], "s") for name in names]

    tell_caveats(trial.calibration.warnings, verbose=verbose)
    c = trial.calibration.conditions
    headings = ("arrivals", "load", "", "offered", "P50", "P90", "P99", "P99.9", "P99 error")
    table = Table(
        f"latency, {c.event_loop}, {c.topics} topics [{c.fabric}]",
        headings,
        text=("arrivals", ""),
        keys=3,
    )
    for row in trial.table.to_dict("records"):
        offered = engineering(row["offered_per_second"], "msg/s")
        of = row["arrivals"], percentage(row["load"], 0)
        table.add(*of, "measured", offered, *shown(row, ""), "")
        left = f"all runs, {percentage(row['share_left_out'], 0)} left out"
        every = [engineering(row[f"{name}_all"], "s") for name in ("p50", "p90", "p99", "p99.9")]
        table.add("", "", left, "", *every, "")
        table.add("", "", "model", "", *shown(row, "predicted_"), percent(row["p99_error"]))
        table.add("", "", "ideal host", "", *shown(row, "ideal_"), "")
    show(table)
    say(
        f"capacity {engineering(trial.capacity_per_second, 'msg/s')} measured, "
        f"{engineering(trial.predicted_capacity_per_second, 'msg/s')} predicted; "
        f"this host holds it up {trial.pauses.per_second:,.0f} times a second, "
        f"{percentage(trial.pauses.share)} of the time, and runs at "
        f"{percentage(trial.pace, 0)} of its full speed"
    )


def print_judgements(found: list[Judgement]) -> None:
    """Print what the figures are judged by."""
    from aethermodel.cli.shared.terminal_tables import Table, show
    from aethermodel.report.engineering_notation import engineering

    verdicts = Table(
        "judged",
        ("criterion", "measured", "threshold", "outcome", "why"),
        text=("criterion", "outcome", "why"),
    )
    for one in found:
        figures = [
            engineering(value, "s") if one.unit == "s" else percentage(value)
            for value in (one.measured, one.threshold)
        ]
        verdicts.add(one.criterion, *figures, one.outcome, one.why)
    show(verdicts)
