"""`aethermodel bench cluster`: the cluster model against simulations of random clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd


def command(
    clusters: Annotated[int, typer.Option(min=1, help="random clusters")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="of clusters and simulations")] = 0,
    batches: Annotated[
        int, typer.Option(min=200_000, help="simulated for each cluster, at most")
    ] = 100_000_000,
    each: Annotated[bool, typer.Option("--each", help="print each cluster's figures too")] = False,
    json: options.Json = None,
) -> None:
    """Simulate random clusters of 2 to 1,000 hosts, and count how far the closed form misses them.

    Throughput is to be within 3 %, P99 within 15 %, of all clusters of which the closed form tells
    them; how often it does not, and why, is shown. A simulation goes on until it knows its P99
    within 5 %, from 10 million batches on only while its verdict is open; in the end that may be
    "unclear".

    Ends with 1 if a figure was missed.

    Example: aethermodel bench cluster --clusters 200 --json clusters.json
    """
    from aethermodel.bench.cluster.trial import summary, trial
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    with progress("simulating clusters") as advance:
        rows = trial(
            clusters, seed, announced(advance, SECONDS["cluster"] * clusters / 200), batches
        )
    found = summary(rows)
    missed = any(found[name]["beyond"] for name in ("throughput", "p99"))
    if json:
        figures = {
            "seed": seed,
            **found,
            "verdict": "fail" if missed else "pass",
            "rows": rows.to_dict(orient="records"),
        }
        content = document("aethermodel.bench.cluster/1", "simulated", figures, measured=False)
        write_document(content, json)
    if json != "-":
        if each:
            _print_each(rows)
        _print(found)
    raise typer.Exit(1 if missed else 0)


def _print(found: dict[str, Any]) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    heads = ("figure", "told", "within", "beyond", "unclear", "", "median", "largest")
    table = Table(f"closed form against {found['clusters']} simulations", heads, text=("figure",))
    for name, title in (("throughput", "throughput"), ("p99", "P99")):
        of = found[name]
        table.add(
            title,
            f"{of['told']}",
            *(f"{of[verdict]}" for verdict in ("within", "beyond", "unclear")),
            f"within {percentage(of['most'], 0)}",
            percentage(of["median_error"], 1),
            percentage(of["largest_error"], 1),
        )
    show(table)
    say(
        [
            f"P99 has no limit in {found['p99']['without_limit']} of them: the simulation's has to "
            "grow.",
            "Unclear: the simulation's own interval holds errors on both sides of the limit.",
        ]
    )
    say(f"P99 not told of {count}: {why}" for why, count in found["untold"].items())


def _print_each(rows: pd.DataFrame) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, show

    heads = ("hosts", "kind", "routing", "binds", "load", "throughput", "P99", "")
    table = Table(
        "each cluster, model over simulation", heads, text=("kind", "routing", "binds", "")
    )
    for row in rows.itertuples():
        table.add(
            f"{row.hosts:,}",
            row.kind,
            row.routing,
            row.binds,
            percentage(row.load, 0),
            percentage(row.throughput_error, 1),
            "" if row.untold else percentage(row.p99_error, 1),
            row.untold or row.p99,
        )
    show(table)
