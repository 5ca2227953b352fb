"""`aethermodel cluster`: throughput, what binds and latency of a described cluster."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.shared import options
from aethermodel.cli.shared.outputs import refuse_existing
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.clusters.analysis import Analysis

# Of traffic, if the cluster is simulated: what the rarest hundredth takes is then seen often.
_SECONDS = 1.0
# Seconds that nothing is said of how far it is.
_QUIET = 2.0


def command(
    file: Annotated[Path, typer.Argument(**options.READ, help="cluster file, TOML of ten lines")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="another value of a setting, such as consumers.count=32 or 'links.rate=100 "
            "Gbit/s'; may be repeated [default: as the file says]",
        ),
    ] = None,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="simulate it too, batch by batch [default: where the closed form tells no P99]",
        ),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(min=1e-6, max=3600, help="of traffic to simulate [default: 1, or enough]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the simulation")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=options.writing("HTML"),
            help="write the report, an HTML file, here [default: none is written]",
        ),
    ] = None,
    force: options.Force = False,
    json: options.Json = None,
) -> None:
    """Say what a cluster carries, which link or node binds, and the P99 against load.

    The file describes producers, links, consumers, and where there are any switches, topics and
    credits. Nothing is measured: costs are given, or come from a law or calibration file.

    Example: aethermodel cluster cluster.toml --set consumers.count=32 -o cluster.html

    Example: aethermodel cluster cluster.toml --simulate --seconds 0.1 --json -
    """
    from aethermodel.clusters.analysis import Analysis, seconds_in_place
    from aethermodel.clusters.cluster_file import load_cluster
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    if output is not None:
        refuse_existing([output], force=force)
    cluster = load_cluster(file, set_ or ())
    seen = None
    enough = _SECONDS if simulate else seconds_in_place(cluster)
    if enough is not None:
        wanted = seconds or enough
        from aethermodel.clusters.simulation import run

        typer.echo(f"simulating {wanted:.3g} s of traffic", err=True)
        with progress("simulating", after=_QUIET) as advance:
            seen = run.simulate(cluster, wanted, seed, advance)
    with progress("working out", after=_QUIET) as advance:
        found = Analysis.of(cluster, seen, advance)
    if json:
        content = document("aethermodel.cluster/1", "simulated", found.figures(), measured=False)
        write_document(content, json)
    if output is not None:
        from aethermodel.output_files import write_whole
        from aethermodel.report.clusters.cluster_page import cluster_report

        write_whole(output, cluster_report(found, shlex.join(["aethermodel", *sys.argv[1:]])))
    if json != "-":
        _print(found)
        if output is not None:
            typer.echo(output)


def _print(found: Analysis) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.clusters.cluster_words import sentences
    from aethermodel.report.engineering_notation import engineering

    cluster = found.cluster
    stations = Table(
        f"{cluster.name}: {cluster.producers.count:,} producers, {cluster.consumers.count:,} "
        f"consumers on {cluster.hosts:,} hosts",
        ("what", "count", "a batch", "busy", "busiest", ""),
        text=("what", ""),
    )
    for row in found.stations().itertuples():
        stations.add(
            row.what,
            f"{row.count:,}",
            engineering(row.seconds, "s"),
            percentage(row.mean, 0),
            percentage(row.most, 0),
            "binds" if row.binds else "",
            bold=row.binds,
        )
    latencies = Table("latency against load", ("load", "events a second", "P50", "P99"))
    for row in found.curve().itertuples():
        known = not row.untold
        latencies.add(
            percentage(row.load, 0),
            engineering(row.events_per_second, "events/s"),
            engineering(row.p50, "s") if known else "not told",
            engineering(row.p99, "s") if known else "not told",
        )
    show(stations, latencies)
    say(sentences(found))
