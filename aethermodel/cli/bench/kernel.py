"""`aethermodel bench kernel`, `bench ffi` and `bench ring`, compared with peers and ceilings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.cli.shared.options import Json, Pin, batch_size, record_sizes, writing
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.text.percentages import percentage
from aethermodel.text.times import microseconds

if TYPE_CHECKING:
    from aethermodel.bench.contest import Contestant, Result
    from aethermodel.fabrics import FabricLabel

BatchSize = Annotated[int, batch_size("events in a batch, such as 1e4")]
Topics = Annotated[
    int, typer.Option(min=1, max=65_536, help="topics; each event draws one uniformly")
]
Processes = Annotated[int, typer.Option(min=1, help="fresh processes to sample in")]
Repeats = Annotated[int, typer.Option(min=1, help="samples of each row in each process")]
Seed = Annotated[int, typer.Option(help="seed of the random order")]
Plot = Annotated[
    Path | None,
    typer.Option(
        callback=writing("SVG", "PNG"),
        help="draw the rows into this SVG or PNG file, by its name [default: not drawn]",
    ),
]


def kernel(
    batch_size: BatchSize = 10_000,
    topics: Topics = 64,
    threads: Annotated[int, typer.Option(min=1, help="threads of the threaded row")] = 2,
    record_bytes: Annotated[
        str | None,
        typer.Option(
            help="records of these sizes, such as 16,256,4096 [default: the 64-byte event]"
        ),
    ] = None,
    processes: Processes = 5,
    repeats: Repeats = 5,
    seed: Seed = 0,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """Route and checksum one hot batch: every variant, every peer, and the read ceiling.

    With --record-bytes, records of other sizes, beside reading one word of each.

    Example: aethermodel bench kernel --batch-size 10000 --topics 64 --json kernel.json
    """
    from aethermodel.bench.kernel import kernel_contestants
    from aethermodel.bench.targets import kernel_targets

    if record_bytes is not None:
        from aethermodel.bench.records import record_contestants, record_targets

        sizes = record_sizes(record_bytes)
        rows = record_contestants(batch_size, topics, sizes)
        result = _hold("kernel", rows, processes, repeats, seed)
        targets = record_targets(result, sizes)
        _report("kernel", "loopback", result, targets, plot, json, record_bytes=sizes)
        return
    rows = kernel_contestants(batch_size, topics, threads)
    result = _hold("kernel", rows, processes, repeats, seed)
    targets = kernel_targets(result, threads)
    _report("kernel", "loopback", result, targets, plot, json)


def ffi(
    processes: Processes = 5,
    repeats: Repeats = 5,
    seed: Seed = 0,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """Call a function that does nothing, through each language boundary.

    Example: aethermodel bench ffi --json -
    """
    from aethermodel.bench.kernel import call_contestants
    from aethermodel.bench.targets import call_targets

    result = _hold("ffi", call_contestants(), processes, repeats, seed)
    _report("ffi", "loopback", result, call_targets(result), plot, json)


def ring(
    batch_size: BatchSize = 10_000,
    topics: Topics = 64,
    processes: Processes = 3,
    repeats: Repeats = 5,
    sample_seconds: Annotated[
        float, typer.Option(min=0.001, help="least duration of a sample")
    ] = 0.1,
    record_bytes: options.RecordBytes = None,
    handoffs: Annotated[int, typer.Option(min=100, help="single handoffs to time")] = 5_000,
    pin: Pin = None,
    seed: Seed = 0,
    plot: Plot = None,
    json: Json = None,
) -> None:
    """Send batches into another process that routes every event: our ring compared with its peers.

    Example: aethermodel bench ring --batch-size 10000 --json ring.json
    """
    from aethermodel.bench.ring import ring_contestants
    from aethermodel.bench.ring_handoff import handoff_latencies
    from aethermodel.bench.targets import ring_targets
    from aethermodel.measure.host import affinity

    affinity.use(pin)
    rows = ring_contestants(batch_size, topics, record_bytes or EVENT_BYTES)
    # Two processes that spin are always switched away from somewhere: marked, not repeated.
    result = _hold("ring", rows, processes, repeats, seed, sample_seconds=sample_seconds, retries=0)
    with measuring():
        latencies = handoff_latencies(handoffs)
    targets = ring_targets(result, latencies)
    _report("ring", "shared-memory", result, targets, plot, json, handoff=latencies, pin=pin)


def _hold(
    name: str,
    rows: Sequence[Contestant],
    processes: int,
    repeats: int,
    seed: int,
    **more: Any,
) -> Result:
    from aethermodel.bench.contest import hold
    from aethermodel.console import progress

    # Of the defaults: five processes, three of the ring's, with five repeats each.
    share = processes * repeats / (15 if name == "ring" else 25)
    tell_duration(SECONDS[name] * share)
    with measuring(), progress("measuring") as advance:
        return hold(rows, processes=processes, repeats=repeats, seed=seed, progress=advance, **more)


def _report(
    name: str,
    label: FabricLabel,
    result: Result,
    targets: list[dict[str, Any]],
    plot: Path | None,
    json: str | None,
    **figures: Any,
) -> None:
    from aethermodel.json_documents import document, write_document

    content = {"rows": result.table.to_dict(orient="records"), "targets": targets, **figures}
    if json:
        write_document(document(f"aethermodel.bench.{name}/1", label, content), json)
    if plot:
        _draw(name, label, result, plot)
    if json != "-":
        _print(name, label, result, targets, figures)


def _over_kernel(latency: dict[str, Any]) -> str:
    """Return how the handoff to a consumer that sleeps compares with a bare wake-up."""
    times, polled = latency.get("over_kernel"), latency.get("over_kernel_epoll")
    text = f"\n  {times:.2f} times the kernel's own wake-up" if times else ""
    return f"{text}, {polled:.2f} times that of a bare epoll" if polled else text


def _draw(name: str, label: str, result: Result, plot: Path) -> None:
    from aethermodel.output_files import kind_of, replacing
    from aethermodel.report.figures.contest import rates

    figure = rates(result.table, f"bench {name}", label)
    drawing = figure.png() if kind_of(plot) == "PNG" else figure.svg().encode()
    with replacing(plot) as file:
        file.write(drawing)


def _print(
    name: str,
    label: str,
    result: Result,
    targets: list[dict[str, Any]],
    figures: dict[str, Any],
) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    headings = (
        "row",
        "ns/event",
        "processes",
        "M events/s",
        "all samples",
        "left out",
        "disturbed",
    )
    table = Table(f"bench {name} [{label}]; ours in bold", headings, text=("row",))
    for row in result.table.itertuples():
        slow, middle, fast = (s / row.events * 1e9 for s in (row.high, row.seconds, row.low))
        table.add(
            row.row,
            f"{middle:,.2f}",
            f"{slow:,.2f} to {fast:,.2f}",
            f"{row.events_per_second / 1e6:,.1f}",
            f"{row.all_per_second / 1e6:,.1f}",
            percentage(row.share_left_out, 0),
            percentage(row.noisy_share, 0),
            bold=row.group == "ours",
        )
    show(table)
    say(
        "all samples: M events/s over all of them; left out: of the time, not in the rate beside it"
    )
    for how, latency in figures.get("handoff", {}).items():
        say(
            f"one-way handoff, {how}: P50 {microseconds(latency['p50_seconds'], 2)}, "
            f"P99 {microseconds(latency['p99_seconds'], 2)}{_over_kernel(latency)}"
        )
    for target in targets:
        met = {True: "met", False: "NOT met", None: "not measured here"}[target["met"]]
        say(f"{target['criterion']}: {target['words']} -> {met}")
