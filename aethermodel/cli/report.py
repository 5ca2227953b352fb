"""`aethermodel report`: one HTML file from an executed notebook, or from a fresh measurement."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli import options

if TYPE_CHECKING:
    from aethermodel.measure.campaign import Campaign


def command(
    notebook: Annotated[
        Path | None, typer.Argument(help="an executed notebook", show_default=False)
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="the HTML file")] = Path(
        "reports/model_vs_measured.html"
    ),
    run: Annotated[
        bool, typer.Option("--run", help="measure this host now and report on that")
    ] = False,
    batch_sizes: options.BatchSizes = None,
    loop: options.Loop = None,
    fabric: options.HostFabric = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: options.Processes = None,
    repeats: options.Repeats = None,
    seed: options.Seed = None,
    json: options.Json = None,
) -> None:
    """Export an executed notebook as one HTML file that needs no script and no network.

    Example: aethermodel report --run -o reports/model_vs_measured.html

    With --run: samples this host (progress with ETA), executes the notebook
    30_model_vs_measured through papermill, and exports it. Samples and executed
    notebook are left beside the report.
    """
    if run == (notebook is not None):
        raise ValueError("report wants either an executed notebook or --run")
    from aethermodel.measure.campaign import Campaign
    from aethermodel.report.html import export

    if notebook is not None:
        export(notebook, output)
        typer.echo(output)
        return
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
    _measure_and_report(campaign, output, json)


def _measure_and_report(campaign: Campaign, output: Path, json: str | None) -> None:
    from aethermodel.console import progress
    from aethermodel.documents import document, write_document
    from aethermodel.execute.notebooks import execute
    from aethermodel.measure.trial import Trial
    from aethermodel.report.html import export

    with progress("[1/3] measuring this host") as advance:
        trial = Trial.run(campaign, advance)
    samples, executed = output.with_suffix(".parquet"), output.with_suffix(".ipynb")
    trial.save(samples)
    rerun = shlex.join(["aethermodel", *sys.argv[1:]])
    with progress("[2/3] executing the notebook") as advance:
        execute(
            "30_model_vs_measured.ipynb",
            executed,
            {"samples": str(samples.resolve()), "command": rerun},
            advance,
        )
    typer.echo("[3/3] exporting", err=True)
    export(executed, output)
    if json:
        write_document(
            document("aethermodel.report/1", trial.campaign.label, trial.figures()), json
        )
    if json != "-":
        typer.echo(f"{output}: {trial.verdict.outcome}, {trial.verdict.why}")
