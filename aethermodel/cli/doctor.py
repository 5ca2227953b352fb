"""`aethermodel doctor`: checks of this host for RDMA and for measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.shared import options

if TYPE_CHECKING:
    from aethermodel.doctor import Finding

_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red"}


def command(
    register: Annotated[
        str | None,
        typer.Option(help="memory to be registered with an RDMA device, such as 1GiB"),
    ] = None,
    queue_pairs: Annotated[int, typer.Option(help="queue pairs; their queues are pinned too")] = 1,
    depth: Annotated[int, typer.Option(help="requests that each queue holds")] = 128,
    huge_pages: Annotated[
        bool, typer.Option("--huge-pages", help="the registered memory lies in huge pages")
    ] = False,
    json: options.Json = None,
) -> None:
    """Check RDMA, memlock, processor, clock and software; say what is wrong and what to do.

    Example: aethermodel doctor --register 1GiB --queue-pairs 8

    Nothing is changed. Exit status: 0 nothing is bad, 1 something is, 2 bad input.
    """
    from aethermodel.doctor import Registration, examine, worst
    from aethermodel.inputs.sizes import size_of
    from aethermodel.json_documents import document, write_document

    planned = None
    if register is not None:
        planned = Registration(
            size=size_of(register), queue_pairs=queue_pairs, depth=depth, huge=huge_pages
        )
    elif queue_pairs != 1 or depth != 128 or huge_pages:
        raise ValueError("--queue-pairs, --depth and --huge-pages describe a --register SIZE")
    findings = examine(planned)
    level = worst(findings)
    if json:
        figures = {
            "level": level,
            "registration": planned
            and {
                **planned.model_dump(),
                "pages": planned.pages,
                "pinned_bytes": planned.pinned_bytes,
            },
            "findings": [finding.model_dump(mode="json") for finding in findings],
        }
        write_document(document("aethermodel.doctor/1", None, figures), json)
    if json != "-":
        _print(findings)
    raise typer.Exit(1 if level == "bad" else 0)


def _print(findings: tuple[Finding, ...]) -> None:
    from rich.text import Text

    from aethermodel.console import plain_console

    console = plain_console()
    area = None
    for finding in findings:
        if finding.area != area:
            area = finding.area
            console.print(Text(area, style="bold"))
        found = "unknown" if finding.value is None else finding.value
        # One line each, however long: lines are found by grep and copied into tickets.
        line = Text.assemble(
            "  ",
            (f"{finding.level:5}", _STYLES[finding.level]),
            (f"{finding.name}: {found}", "bold"),
            f" \N{EN DASH} {finding.why}",
        )
        console.print(line, soft_wrap=True)
    for finding in findings:
        if finding.remedy:
            console.print(Text(f"\n{finding.name}", style=_STYLES[finding.level]))
            for step in finding.remedy:
                console.print(Text(f"  {step}"), soft_wrap=True)
    counts = {level: sum(f.level == level for f in findings) for level in _STYLES}
    console.print("\n" + ", ".join(f"{count} {level}" for level, count in counts.items()))
