"""`aethermodel bench optimum`: the recommended batch size, compared with a full sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.cli.shared.trial_words import carried
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.bench.optimum import BestSize


#: Options that a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"pipeline", "calibration", "processes", "repeats", "seed", "seconds", "pin", "wait_seconds",
     "json"}
)  # fmt: skip


def command(
    ctx: typer.Context,
    pipeline: pipeline_choice.Option = None,
    calibration: Annotated[
        Path | None,
        options.calibration("with --pipeline: its calibration [default: calibrate first]"),
    ] = None,
    largest: Annotated[
        int, options.whole(help="largest batch of the sweep, 2 to 4194304, such as 1e5")
    ] = 65_536,
    loop: options.Loop = None,
    fabric: options.Fabric = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: Annotated[int | None, options.processes(8)] = None,
    repeats: Annotated[int | None, options.repeats(4)] = None,
    seed: options.Seed = None,
    seconds: Annotated[float, options.budget("time budget of the calibration")] = 30.0,
    pin: options.Pin = None,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Calibrate, take the batch size that the model recommends, and measure it in a full sweep.

    Example: aethermodel bench optimum --largest 16384 --json optimum.json

    Example: aethermodel bench optimum --pipeline orders.py -c calibration.json

    Exit status: 0 pass or inconclusive, 1 fail, 2 bad input.
    """
    from aethermodel.measure.host import affinity

    affinity.use(pin)
    if own := pipeline_choice.chosen(None, pipeline):
        from aethermodel.cli.pipelines.optimum import optimum_own

        options.refuse_options(ctx, _OF_A_PIPELINE, f"is the built-in pipeline's, not {own}'s")
        optimum_own(
            own,
            pipeline_choice.campaign_options(None, processes, repeats, seed),
            calibration=calibration,
            seconds=seconds,
            json=json,
            wait_seconds=wait_seconds,
        )
    if calibration is not None:
        raise ValueError("--calibration is for a pipeline of your own (--pipeline FILE.py)")
    from aethermodel.bench.optimum import compare_with_sweep
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.campaign.campaign_settings import Campaign

    campaign = Campaign.model_validate(
        {
            "event_loop": loop,
            "fabric": fabric,
            "topics": topics,
            "pool": pool,
            "processes": processes,
            "repeats": repeats or 4,
            "seed": seed,
            "pin": pin,
        }
    )
    tell_duration(seconds + SECONDS["optimum"] - 30)
    with (
        measuring(wait_seconds),
        progress("calibrating", budget=seconds) as calibrating,
        progress("sweeping") as sweeping,
    ):
        bars = {"calibrating": calibrating, "sweeping": sweeping}
        found = compare_with_sweep(
            campaign,
            largest,
            lambda what, done, total: bars[what](done, total),
            seconds=seconds,
        )
    if json:
        content = document("aethermodel.bench.optimum/1", campaign.label, found.figures())
        write_document(content, json)
    if json != "-":
        print_sweep(found)
    raise typer.Exit(1 if found.outcome == "fail" else 0)


def print_sweep(found: BestSize) -> None:
    """Print the sweep with the recommended size marked, and the verdict."""
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    headings = ("N", "M events/s", "slowest to fastest process", "all samples", "left out", "")
    table = Table(f"throughput by batch size [{found.label}]", headings, text=("",))
    for row in found.table.itertuples():
        table.add(
            f"{row.n:,}",
            f"{row.per_second / 1e6:,.2f}",
            f"{row.low / 1e6:,.2f} to {row.high / 1e6:,.2f}",
            f"{row.all_per_second / 1e6:,.2f}",
            percentage(row.share_left_out, 0),
            "recommended" if row.recommended else "",
        )
    show(table)
    say(carried(found))
