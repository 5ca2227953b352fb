"""The table of `aethermodel bench latency --adaptive`: adaptive batching beside fixed sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from aethermodel.measure.adaptive import AdaptiveTrial


def print_adaptive(trial: AdaptiveTrial) -> None:
    """Print P99, throughput and the sizes formed, a line a rule and load."""
    from rich.table import Table

    from aethermodel.console import plain_console
    from aethermodel.report.quantities import engineering

    # In a pipe or a narrow window long lines are better than cells cut short.
    console = plain_console(least_width=140)
    for text in trial.calibration.warnings:
        console.print(f"warning: {text}")
    c = trial.calibration.conditions
    target = engineering(trial.campaign.target_seconds, "s")
    table = Table(title=f"P99 target {target}, {c.event_loop}, {c.topics} topics [{c.fabric}]")
    for heading in ("arrivals", "load", "rule"):
        table.add_column(heading)
    for heading in ("P50", "P99", "model, ideal host", "delivered", "messages a batch", "ticks/M"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("target")
    before = None
    for row in trial.table.to_dict("records"):
        same, before = before == (row["arrivals"], row["load"]), (row["arrivals"], row["load"])
        if not same and len(table.rows):
            table.add_section()
        low, middle, high = (f"{row[f'size_{p}']:,.0f}" for p in ("p5", "p50", "p95"))
        table.add_row(
            "" if same else row["arrivals"],
            "" if same else f"{row['load']:.0%}",
            row["rule"],
            engineering(row["p50"], "s"),
            engineering(row["p99"], "s"),
            engineering(row["ideal_p99"], "s"),
            engineering(row["delivered_per_second"], "msg/s"),
            f"{low} / {middle} / {high}",
            f"{row['ticks_per_million']:,.0f}",
            "holds" if row["holds"] else "misses",
        )
    console.print(table)
    full = ", ".join(
        f"{row['rule']} {engineering(row['per_second'], 'msg/s')}"
        for row in trial.saturated.to_dict("records")
    )
    typer.echo(f"at full speed: {full}")
    typer.echo("messages a batch: 5th, 50th and 95th percentile of the batches formed")
