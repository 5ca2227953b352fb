"""Table of `aethermodel bench latency --adaptive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.bench.latency.adaptive import AdaptiveTrial


def print_adaptive(trial: AdaptiveTrial, *, verbose: bool = False) -> None:
    """Print P99, throughput and the sizes formed, a line a rule and load."""
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering

    tell_caveats(trial.calibration.warnings, verbose=verbose)
    c = trial.calibration.conditions
    target = engineering(trial.campaign.target_seconds, "s")
    keys = ("arrivals", "load", "rule")
    figures = (
        "P50",
        "P99",
        "P99, all runs",
        "left out",
        "model, ideal host",
        "delivered",
        "messages a batch",
        "ticks/M",
    )
    table = Table(
        f"P99 target {target}, {c.event_loop}, {c.topics} topics [{c.fabric}]",
        (*keys, *figures, "target"),
        text=(*keys, "target"),
        keys=3,
    )
    for row in trial.table.to_dict("records"):
        low, middle, high = (f"{row[f'size_{p}']:,.0f}" for p in ("p5", "p50", "p95"))
        table.add(
            row["arrivals"],
            percentage(row["load"], 0),
            row["rule"],
            engineering(row["p50"], "s"),
            engineering(row["p99"], "s"),
            engineering(row["p99_all"], "s"),
            percentage(row["share_left_out"], 0),
            engineering(row["ideal_p99"], "s"),
            engineering(row["delivered_per_second"], "msg/s"),
            f"{low} / {middle} / {high}",
            f"{row['ticks_per_million']:,.0f}",
            "holds" if row["holds"] else "misses",
        )
    show(table)
    full = ", ".join(
        f"{row['rule']} {engineering(row['per_second'], 'msg/s')}"
        for row in trial.saturated.to_dict("records")
    )
    say(f"at full speed: {full}")
    say("messages a batch: 5th, 50th and 95th percentile of the batches formed")
