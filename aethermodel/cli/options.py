"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aethermodel.command_files import readable, writable

__all__ = ["readable", "writable"]


Json = Annotated[
    str | None,
    typer.Option(
        "--json", callback=writable, help="write JSON to this file, - for standard output"
    ),
]

BatchSizes = Annotated[
    str | None,
    typer.Option("--batch-sizes", "-n", help="batch sizes of the pipeline, such as 1,100,10000"),
]
Loop = Annotated[str | None, typer.Option(help="asyncio or uvloop; uvloop where it is installed")]
Fabric = Annotated[
    str | None,
    typer.Option("--fabric", help="loopback, or from another process: shm, tcp or verbs"),
]
Topics = Annotated[int | None, typer.Option(help="topics, each with a handler")]
Pool = Annotated[int | None, typer.Option(help="different batches in turn: the working set")]
Processes = Annotated[int | None, typer.Option(help="fresh processes to sample in")]
Repeats = Annotated[int | None, typer.Option(help="samples of each point in each process")]
Seed = Annotated[int | None, typer.Option(help="of the random order")]
WaitSeconds = Annotated[
    float | None,
    typer.Option(
        "--wait-seconds", min=0, help="how long to wait for another measurement [default: its end]"
    ),
]
Calibrations = Annotated[
    list[Path],
    typer.Option(
        "--calibration",
        "-c",
        callback=readable,
        help="calibration file; several of one host are merged",
    ),
]
Foreign = Annotated[
    bool, typer.Option("--foreign", help="use another host's calibration, with a warning")
]


def numbers(name: str, text: str) -> list[int]:
    """Read positive whole numbers separated by commas."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{name}: whole numbers separated by commas, not {text!r}") from None
    if min(found) < 1:
        raise ValueError(f"{name}: a batch size must be at least 1, not {min(found)}")
    return found
