"""Command-line options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from aethermodel.command_files import READ, writing
from aethermodel.console import count
from aethermodel.fabrics import CROSSING
from aethermodel.inputs.sizes import count_of
from aethermodel.kernel_facts import EVENT_BYTES

__all__ = ["READ", "writing"]


def listed(names: Sequence[str]) -> str:
    """Write names as a sentence has them: shm, tcp or verbs."""
    return " or ".join((", ".join(names[:-1]), names[-1]))


def batch_size(what: str = "messages in a batch, such as 1e4") -> Any:
    """Return the option ``--batch-size``."""
    return typer.Option("--batch-size", "-n", parser=count, metavar="N", help=what)


def calibration(what: str) -> Any:
    """Return the option ``--calibration``."""
    return typer.Option("--calibration", "-c", **READ, help=what)


def whole(*names: str, help: str) -> Any:
    """Return an option that takes a count, and 1e4 for one."""
    return typer.Option(*names, parser=count, metavar="N", help=help)


def budget(what: str) -> Any:
    """Return the option ``--seconds``, refused where it is none before anything is said."""
    return typer.Option("--seconds", callback=_above_zero, help=what)


def _above_zero(seconds: float) -> float:
    if not 0 < seconds < inf:
        raise typer.BadParameter(f"the time budget must be above zero seconds, not {seconds:g}")
    return seconds


Json = Annotated[
    str | None,
    typer.Option(
        "--json",
        callback=writing("JSON"),
        help="write JSON to this file, - for standard output [default: a table is printed]",
    ),
]

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="print every remark on the calibration in full")
]
Force = Annotated[bool, typer.Option("--force", help="replace files that are there")]

BatchSizes = Annotated[
    str | None,
    typer.Option(
        "--batch-sizes",
        "-n",
        help="batch sizes of the pipeline [default: 1,10,100,1000,10000,30000]",
    ),
]
Loop = Annotated[
    str | None,
    typer.Option(help="asyncio or uvloop [default: uvloop, where it is installed]"),
]
Fabric = Annotated[
    str | None,
    typer.Option(
        "--fabric",
        help=f"loopback, or from another process: {listed(CROSSING)} [default: loopback]",
    ),
]
Topics = Annotated[int | None, typer.Option(help="topics, each with a handler [default: 16]")]
Pool = Annotated[
    int | None,
    typer.Option(
        help="distinct batches to cycle through (sets the cache working set) "
        "[default: 4; 1 from another process]"
    ),
]
RecordBytes = Annotated[
    int | None,
    typer.Option(help="bytes of a record, 8 to 65,536, a multiple of 8 [default: 64]"),
]
Seed = Annotated[int | None, typer.Option(help="seed of the random order [default: 0]")]
Pin = Annotated[
    str | None,
    typer.Option(
        metavar="LOOP[:PRODUCER]",
        help="cores of the loop and of the producer, each 2, 0-3,8 or node0; see doctor "
        "[default: the scheduler's choice]",
    ),
]
WaitSeconds = Annotated[
    float | None,
    typer.Option(
        "--wait-seconds",
        min=0,
        help="most seconds to wait for another measurement [default: no limit]",
    ),
]
Calibrations = Annotated[
    list[Path], calibration("calibration file; several of one host are merged")
]
Foreign = Annotated[
    bool, typer.Option("--foreign", help="use another host's calibration, with a warning")
]


def processes(default: int) -> Any:
    """Return the option ``--processes``, which says what it is without one."""
    return typer.Option(help=f"most fresh processes to sample in [default: {default}]")


def repeats(default: int) -> Any:
    """Return the option ``--repeats``, which says what it is without one."""
    return typer.Option(help=f"samples of each point in each process [default: {default}]")


def records_of(record_bytes: int) -> str:
    """Return what a title says of records that are not the 64-byte event."""
    return "" if record_bytes == EVENT_BYTES else f", records of {record_bytes:,} B"


def record_sizes(text: str) -> list[int]:
    """Read sizes of records in bytes, separated by commas; ascending, each once."""
    try:
        sizes = sorted({count_of(part) for part in text.split(",")})
    except ValueError:
        raise ValueError(f"record_bytes: whole numbers separated by commas, not {text!r}") from None
    for size in sizes:
        if not 8 <= size <= 65_536 or size % 8:
            raise ValueError(f"record_bytes: 8 to 65,536, a multiple of 8, not {size}")
    return sizes


def numbers(name: str, text: str) -> list[int]:
    """Read counts, such as batch sizes, separated by commas."""
    try:
        found = [count_of(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{name}: whole numbers separated by commas, not {text!r}") from None
    if min(found) < 1:
        raise ValueError(f"{name}: a batch size must be at least 1, not {min(found)}")
    return found


def refuse_options(ctx: typer.Context, allowed: frozenset[str], why: str) -> None:
    """Refuse options that say nothing where a command was given something else to work on.

    Parameters
    ----------
    ctx : typer.Context
    allowed : frozenset of str
        Names of the parameters that say something.
    why : str
        What stands behind the option's name in the refusal.

    Raises
    ------
    ValueError
        Names the option.
    """
    for name in ctx.params:
        source = ctx.get_parameter_source(name)
        if name not in allowed and source is not None and source.name == "COMMANDLINE":
            raise ValueError(f"--{name.strip('_').replace('_', '-')} {why}")
