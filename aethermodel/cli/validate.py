"""`aethermodel validate`: is the sum of the terms the time of the whole?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli import options
from aethermodel.cli.measuring import measuring

if TYPE_CHECKING:
    from aethermodel.measure.trial import Trial


def command(
    batch_sizes: options.BatchSizes = None,
    loop: options.Loop = None,
    fabric: options.HostFabric = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: options.Processes = None,
    repeats: options.Repeats = None,
    seed: options.Seed = None,
    samples: Annotated[
        Path | None, typer.Option(help="write the samples to this Parquet file")
    ] = None,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Calibrate the terms apart, predict the pipeline as a whole, and compare.

    Example: aethermodel validate -n 1,100,10000 --loop uvloop

    Exit status: 0 pass or inconclusive, 1 fail, 2 bad input.
    """
    from aethermodel.console import progress
    from aethermodel.documents import document, write_document
    from aethermodel.measure.campaign import Campaign
    from aethermodel.measure.trial import Trial

    campaign = Campaign(
        batch_sizes=batch_sizes,
        event_loop=loop,
        fabric=fabric,
        topics=topics,
        pool=pool,
        processes=processes,
        repeats=repeats,
        seed=seed,
    )
    with measuring(wait_seconds), progress("measuring") as advance:
        trial = Trial.run(campaign, advance)
    if samples:
        trial.save(samples)
    if json:
        write_document(document("aethermodel.validate/1", campaign.label, trial.figures()), json)
    if json != "-":
        print_trial(trial)
    raise typer.Exit(1 if trial.verdict.outcome == "fail" else 0)


def print_trial(trial: Trial) -> None:
    """Print the comparison table and the verdict."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from aethermodel.calibrate.composition import composition_errors

    c = trial.campaign
    processes = "one process" if c.fabric == "loopback" else "from another process"
    table = Table(title=escape(f"{processes}, {c.event_loop}, {c.topics} topics [{c.label}]"))
    for heading in ("N", "measured", "predicted", "95 % interval", "error", "rate", "copy ceiling"):
        table.add_column(heading, justify="right")
    for row in trial.table.itertuples():
        table.add_row(
            f"{row.n:,}",
            f"{row.measured_seconds * 1e6:,.2f} us",
            f"{row.predicted_seconds * 1e6:,.2f} us",
            f"{row.predicted_low * 1e6:,.2f} to {row.predicted_high * 1e6:,.2f}",
            f"{row.error:+.1%}",
            f"{row.measured_per_second / 1e6:,.2f} M/s",
            f"{row.copy_per_second / 1e6:,.1f} M/s",
        )
    Console().print(table)
    typer.echo(f"{trial.verdict.outcome.upper()}: {trial.verdict.why}")
    for found in composition_errors(trial.table).itertuples():
        typer.echo(
            f"terms composed {found.composition}{' (the prediction)' if found.predicted else ''}: "
            f"off by {found.mean_error:.1%} on average, {found.worst_error:.1%} at worst"
        )
    for share in trial.attribution.shares:
        told = "" if share.found else ", not told from zero"
        typer.echo(
            f"in the whole {' + '.join(share.terms)} costs {share.excess:+.1%} "
            f"({share.low:+.1%} to {share.high:+.1%}{told}): {share.seconds * 1e6:+.2f} us a batch"
        )
    typer.echo(
        f"no term explains {trial.attribution.unexplained:.1%}; the intervals cover "
        f"{trial.verdict.coverage:.0%} of the errors, wanted 95 %"
    )
    typer.echo(
        f"{trial.noisy_share:.1%} of {len(trial.samples)} samples were disturbed and taken again; "
        f"the pipeline's processes differ by {trial.verdict.spread:.1%}."
    )
