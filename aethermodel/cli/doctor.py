"""`aethermodel doctor`: checks of this host for RDMA and for measuring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.shared import options

if TYPE_CHECKING:
    from rich.text import Text

    from aethermodel.doctor import Finding

# Columns before the name of a finding.
_INDENT = 7
_PAUSE = re.compile(r"(?<=[:;]) | (?=\()")
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
        console.print(_line(finding, console.width), soft_wrap=True)
    for finding in findings:
        if finding.remedy:
            console.print(Text(f"\n{finding.name}", style=_STYLES[finding.level]))
            for step in finding.remedy:
                for line in step_lines(step, console.width):
                    console.print(Text(line), soft_wrap=True)
    counts = {level: sum(f.level == level for f in findings) for level in _STYLES}
    console.print("\n" + ", ".join(f"{count} {level}" for level, count in counts.items()))


def _line(finding: Finding, width: int) -> Text:
    """Return level, name, value and reason; what goes on in a further line stands below the name.

    Level and name are in the first line, where grep finds them.
    """
    from rich.text import Text

    from aethermodel.text.lines import wrapped

    head = f"{finding.name}: {'unknown' if finding.value is None else finding.value}"
    first, *more = wrapped(f"{head} \N{EN DASH} {finding.why}", width - _INDENT)
    line = Text.assemble(
        "  ",
        (f"{finding.level:5}", _STYLES[finding.level]),
        (first[: len(head)], "bold"),
        first[len(head) :],
    )
    bold = len(head) - len(first)
    for part in more:
        style = "bold" if bold > 0 else ""
        line.append(f"\n{' ' * _INDENT}{part}", style)
        bold -= len(part)
    return line


def step_lines(step: str, width: int) -> list[str]:
    """Return a step of a remedy in lines that fit, a command in it whole.

    A line ends only where the sentence pauses (after a colon or a semicolon, before a bracket),
    which no command does: what a user copies is in one piece, also where it is wider than the
    window.
    """
    own = " " * (2 + len(step) - len(step.lstrip()))
    lines: list[str] = []
    for part in _PAUSE.split(step.strip()):
        if lines and len(f"{lines[-1]} {part}") <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(f"{own}{'  ' if lines else ''}{part}")
    return lines
