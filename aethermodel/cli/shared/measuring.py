"""Host lock of the commands that measure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import typer

# Place of a process's start in /proc/self/stat, behind its name.
_STARTED = 19
#: Of probing a calibration again.
CHECK_SECONDS = 10


def words(seconds: float) -> str:
    """Write a duration: seconds up to a minute and a half, then minutes, then hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.1f} min".replace(".0 ", " ")
    return f"{seconds / 3600:.1f} h".replace(".0 ", " ")


def seconds_so_far() -> float:
    """Return the seconds since this process began, its imports included; 0 where none can tell."""
    try:
        began = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[_STARTED]
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return 0.0
    return max(0.0, now - int(began) / os.sysconf("SC_CLK_TCK"))


def tell_who_measures(holder: str) -> None:
    """Say that this waits, and for which process."""
    typer.echo(f"waiting: process {holder} is measuring on this host", err=True)


Known = Literal["estimate", "budget"]


def _need_kernels() -> None:
    import cython_core.clock  # noqa: F401


def tell_duration(seconds: float, known: Known = "estimate") -> None:
    """Say on standard error how long a command is going to take, before it begins.

    Parameters
    ----------
    seconds : float
    known : {"estimate", "budget"}
        What `seconds` is: what a quiet host takes; or what is left of it after one pass over all,
        which takes what it takes, is spent on more.
    """
    _need_kernels()
    why = ": a time budget, longer if one pass takes longer"
    typer.echo(f"takes about {words(seconds)}{why if known == 'budget' else ''}", err=True)


def announced(
    advance: Callable[[int, int], None], seconds: float, known: Known = "estimate"
) -> Callable[[int, int], None]:
    """Return a progress that says how long all takes with its first step.

    Whatever refuses its input once it runs has said nothing else by then.
    """
    steps = 0

    def update(done: int, total: int) -> None:
        nonlocal steps
        if not steps:
            tell_duration(seconds, known)
        steps += 1
        advance(done, total)

    return update


@contextmanager
def measuring(most_seconds: float | None = None) -> Iterator[None]:
    """Hold the host; while another measurement has it, say once which process that is.

    Raises
    ------
    ImportError
        If this installation has no kernels.
    HostBusyError
        If it still measures after `most_seconds`.
    """
    # Imported late: `aethermodel --help` measures nothing. First what is not everywhere.
    _need_kernels()
    from aethermodel.execute.host_lock import host_lock

    with host_lock(True, tell_who_measures, most_seconds=most_seconds):
        yield
