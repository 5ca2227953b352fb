"""`aethermodel recommend`: batch and wait for a service, as the settings of a known system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.shared import law_input, options

if TYPE_CHECKING:
    from aethermodel.advice.recommend import Recommendation


def command(
    law: Annotated[
        Path,
        typer.Argument(**options.READ, help="law file, or measurements to fit"),
    ],
    rate: Annotated[str, typer.Option("--rate", help="records a second, such as 40e3")],
    p99: Annotated[str, typer.Option("--p99", help="latency target of 99 of 100, such as 5ms")],
    arrivals: Annotated[
        str, typer.Option("--arrivals", help="poisson, bursty or steady")
    ] = "poisson",
    system: Annotated[
        str | None,
        typer.Option(
            "--system",
            help="whose settings to print: ray-serve, kafka, aiokafka, triton, pulsar, nats, "
            "redis, rabbitmq, grpc, nixl, faster-fifo, opentelemetry [default: none]",
        ),
    ] = None,
    record_bytes: law_input.RecordBytes = None,
    curve: law_input.Curve = None,
    size: law_input.Size = None,
    time: law_input.Time = None,
    unit: law_input.Unit = None,
    group: law_input.Group = None,
    second: law_input.Second = None,
    format: law_input.Format = None,
    at: law_input.At = None,
    json: options.Json = None,
) -> None:
    """Say how large a batch may grow and how long to wait for it, and what latency that gives.

    Example: aethermodel recommend law.json --rate 40e3 --p99 5ms --system kafka --record-bytes 200

    Exit status: 0 done, 2 bad input, or a target that cannot be kept.
    """
    from aethermodel.advice.recommend import recommend
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.json_documents import document, write_document

    wanted, target = law_input.rate_of("--rate", rate), law_input.seconds_of("--p99", p99)
    record = law_input.record_size(record_bytes)
    chosen = law_input.reading_options(size, time, unit, group, format, second)
    known = law_input.one_law(law, curve, chosen, at)
    found = recommend(known, wanted, target, system, arrivals=arrivals, record_bytes=record)
    if json:
        content = document("aethermodel.recommend/1", None, found.figures(), measured=False)
        write_document(content, json)
    if json != "-":
        if at is not None:
            say(known.verdict[:1])
        _print(found)


def _print(found: Recommendation) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering, interval
    from aethermodel.text.number_format import size_text
    from aethermodel.text.percentages import percentage

    table = Table(
        f"For {size_text(found.rate)} a second and P99 within "
        f"{engineering(found.target_seconds, 's')}",
        ("what", "value", "95 %"),
        text=("what",),
    )
    table.add("largest batch", f"{found.batch:,}", "")
    table.add("longest wait", engineering(found.wait_seconds, "s"), "")
    for name, quantity in (("P50", found.p50), ("P99", found.p99)):
        value, limits = engineering(quantity.value, "s"), (quantity.low, quantity.high)
        known = len({engineering(limit, "s") for limit in limits}) == 1
        table.add(name, value, "" if known else interval(*limits, "s"))
    table.add("busy with full batches", percentage(found.utilisation), "")
    table.add("rate within the target", f"{found.headroom:.2g} x", "")
    show(table)
    if found.settings:
        say(f"{found.title}:")
    for setting in found.settings:
        note = f", {setting.note}" if setting.note else ""
        say(f"  {setting.name} = {setting.value:.10g} ({setting.unit}{note})")
        say(f"    {setting.source}")
    if found.remark:
        say([f"{found.remark}."])
    say([f"Assumes {found.assumes}."])
    if found.extrapolated:
        say(["Batches smaller than the smallest measured take its time."])
