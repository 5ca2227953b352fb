"""`aethermodel bench pipeline`: the same messages moved in seven ways, compared with the model."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel import thresholds
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced, measuring
from aethermodel.inputs.unset_values import without_unset
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.report.engineering_notation import engineering
from aethermodel.text.percentages import UNKNOWN, percent, percentage
from aethermodel.text.times import duration, microseconds

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.bench.pipeline.measurement import PipelineBench


def command(
    batch_size: Annotated[int, options.batch_size()] = 10_000,
    topics: Annotated[int, typer.Option(help="topics, each with a handler")] = 16,
    record_bytes: options.RecordBytes = None,
    rows: Annotated[
        str | None,
        typer.Option(
            help="rows to run, such as naive,shm, of: naive, mocked, loopback, shm, shm-fused, "
            "tcp, verbs [default: all that this host can run; with --record-bytes "
            "loopback,shm,tcp,verbs]"
        ),
    ] = None,
    loops: Annotated[
        str | None,
        typer.Option(help="event loops: asyncio,uvloop [default: both, where uvloop is installed]"),
    ] = None,
    simd: Annotated[
        str | None,
        typer.Option(
            help="variants of the kernels to compare, such as v3,v4 [default: the widest]"
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="most fresh processes for each row, interleaved")
    ] = 5,
    run_seconds: Annotated[float, typer.Option(help="about how long one run lasts")] = 0.5,
    seconds: Annotated[
        float, options.budget("time budget; each row runs at least once")
    ] = thresholds.PIPELINE_SECONDS,
    load: Annotated[
        float,
        typer.Option(
            help="load at which latencies are taken, as a fraction of the row's throughput"
        ),
    ] = 0.8,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers",
            help="also run what others would take to bring the same batches: asyncio.Queue, "
            "shared_memory, multiprocessing.Queue, pyzmq, Redis Streams, iceoryx2, faster-fifo",
        ),
    ] = False,
    predict: Annotated[bool, typer.Option(help="probe the terms and predict each row")] = True,
    pin: options.Pin = None,
    seed: options.Seed = None,
    json: options.Json = None,
) -> None:
    """Measure the pipeline: naive, mocked, in one process, across two by ring, TCP and verbs.

    Example: aethermodel bench pipeline --rows loopback,shm --json pipeline.json

    Every message is routed, seen by a handler and checked for its sequence: in a separate pass,
    or (shm-fused) while it is routed. Latency counts from the time at which a batch was due; there
    is none of records below 32 bytes, which have no room for it.

    Example: aethermodel bench pipeline --record-bytes 4096 -n 1000 --rows shm,tcp

    Exit status: 0 done, 2 bad input.
    """
    from aethermodel.bench.pipeline.measurement import PipelineBench, targets
    from aethermodel.bench.pipeline.rows import available_kinds, available_peers, lacking_peers
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.host import affinity

    affinity.use(pin)
    kinds: object = rows
    if peers and record_bytes not in (None, EVENT_BYTES):
        raise ValueError("--peers carry messages of 64 bytes: leave out --record-bytes")
    if peers:
        own = rows.split(",") if rows else available_kinds()
        kinds = (*own, *available_peers())
        for kind, reason in lacking_peers().items():
            typer.echo(f"left out: {kind}: {reason}", err=True)
    given = {"kinds": kinds, "event_loops": loops, "simd": simd, "seed": seed}
    given["record_bytes"] = record_bytes
    bench = PipelineBench(
        batch_size=batch_size,
        topics=topics,
        repeats=repeats,
        seconds=run_seconds,
        budget_seconds=seconds,
        load=load,
        predict=predict,
        **without_unset(given),
    )
    with measuring(), progress("measuring", budget=seconds) as advance:
        table = bench.run(announced(advance, seconds, "budget"))
    if json:
        figures = {
            "bench": bench.model_dump(mode="json"),
            "pin": pin,
            "rows": table.to_dict(orient="records"),
            "targets": targets(table),
            **table.attrs,
        }
        # Rows of several fabrics: each carries its own label.
        write_document(document("aethermodel.bench.pipeline/1", "mixed", figures), json)
    if json != "-":
        _print(bench, table)


def _print(bench: PipelineBench, table: pd.DataFrame) -> None:
    from aethermodel.bench.pipeline.measurement import targets
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    headings = (
        "row",
        "M msg/s",
        "low to high",
        "all runs",
        "left out",
        "left alone",
        "their share",
        "predicted",
        "error",
        "set by",
        "P50",
        "P99",
        "P99.9",
        "tick P99",
        "CPU a message",
        "copy ceiling",
    )
    shown = Table(
        f"{bench.batch_size:,} messages a batch, {bench.topics} topics"
        f"{options.records_of(bench.record_bytes)}; rates in M msg/s; "
        f"latencies at {percentage(bench.load, 0)} of the row's own rate",
        headings,
        text=("row", "predicted", "set by"),
    )
    for _, row in table.iterrows():
        known = not isnan(row["predicted_per_second"])
        variant = f", {row['simd']}" if len(bench.simd) > 1 else ""
        low, high = row["throughput_per_second_low"], row["throughput_per_second_high"]
        alone = not isnan(row["alone_per_second"])
        shown.add(
            f"{row['kind']}, {row['event_loop']}{variant} [{row['label']}]",
            f"{row['throughput_per_second'] / 1e6:,.2f}",
            f"{low / 1e6:,.2f} to {high / 1e6:,.2f}",
            f"{row['all_per_second'] / 1e6:,.2f}",
            percentage(row["share_left_out"], 0),
            f"{row['alone_per_second'] / 1e6:,.2f}" if alone else "",
            percentage(row["alone_share"], 0) if alone else "",
            f"{row['predicted_per_second'] / 1e6:,.2f}" if known else f"none: {row['why']}",
            error_text(row, bench.repeats) if known else "",
            row["binding"],
            *(_time(row[f"{share}_seconds"]) for share in ("p50", "p99", "p99.9")),
            _time(row["tick_p99_seconds"]),
            duration(row["cpu_seconds_per_million"] / 1e6),
            engineering(row["ceiling_per_second"], "msg/s"),
        )
    show(shown)
    say(_legend(int(table["calm"].sum()), int(table["runs"].sum())))
    say(_goal(name, target) for name, target in targets(table).items())


def _legend(calm: int, runs: int) -> list[str]:
    """Say what the columns are that a heading cannot say."""
    return [
        f"{calm} of {runs} runs were calm: warm, and on cores that nobody else used or moved.",
        "M msg/s: median of a row's calm runs, or of all where fewer than three were calm.",
        "all runs: all messages over all the time; left out: runs that the median leaves out.",
        "left alone: median of the milliseconds in which nothing else used the cores, with their "
        "share of all; this is what is predicted.",
        f"error: against what is left alone, or the calm runs; it {UNKNOWN} with neither, with too "
        "few of them, or where the ends of the prediction are more than "
        f"{thresholds.UNKNOWN_SPAN:.0f} times apart.",
        "copy ceiling: a plain copy of the same batches.",
        "",
    ]


def _goal(name: str, target: dict[str, Any]) -> str:
    unit = {"per_second": "msg/s", "seconds": "s"}.get(target["unit"], "")
    value, wanted = (
        engineering(target[figure], unit) if unit else f"{target[figure]:,.0f} times"
        for figure in ("value", "wanted")
    )
    bound = "below" if target["unit"] == "seconds" else "at least"
    reached = "reached" if target["met"] else "not reached"
    return f"{name}: {value}, wanted {bound} {wanted}: {reached}"


def error_text(row: Mapping[str, Any], repeats: int) -> str:
    """Write the error of a row's prediction, or that there is none to be told.

    It takes a prediction that is known, and a measurement that the system left alone: calm slices
    of it, or calm runs: in a number that a median goes by, or every one of the row's.

    Parameters
    ----------
    row : mapping
        Of `PipelineBench.run`.
    repeats : int
        Runs that were asked for.
    """
    calm = row["calm"] >= min(thresholds.CALM_SAMPLES, repeats)
    # The budget may give a row fewer runs than were asked for: with all of them calm, none was
    # picked out of noise.
    calm |= row["calm"] == row["runs"] >= thresholds.ALL_CALM_SAMPLES
    measured = calm or not isnan(row["alone_per_second"])
    predicted = row["predicted_high"] < thresholds.UNKNOWN_SPAN * row["predicted_low"]
    if isnan(row["error"]) or not (measured and predicted):
        return UNKNOWN
    return percent(row["error"])


def _time(seconds: float) -> str:
    return "" if isnan(seconds) else microseconds(seconds)
