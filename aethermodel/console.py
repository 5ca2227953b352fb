"""The console's manners: one clear line for bad input, progress with ETA, a clean Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from pydantic import ValidationError

from aethermodel.sizes import count_of

BAD_INPUT = 2
INTERRUPTED = 130


def one_line(error: Exception) -> str:
    """Say what was wrong with an input in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        given = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
        if first["type"] == "extra_forbidden":
            return f"{where}: there is no such setting{more}"
        message = first["msg"].removeprefix("Value error, ")
        return f"{where}: {message}{given}{more}" if where else f"{message}{more}"
    if hasattr(error, "format_message"):  # the command line itself was wrong
        return str(error.format_message())
    if isinstance(error, UnicodeEncodeError):
        shown = error.object[error.start : error.end]
        return f"{shown!r} cannot be written as {error.encoding}: set PYTHONIOENCODING=utf-8"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} of the input is no {error.encoding} text"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def count(text: str | int) -> int:
    """Read a count of at least 1, such as 10000 or 1e4; for an option's ``parser``."""
    try:
        value = count_of(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if value < 1:
        raise typer.BadParameter(f"at least 1, not {value}")
    return value


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command line application and exit as DESIGN lays down.

    0 is done, 1 a failed verdict, 2 bad input with one line on standard error, 130 Ctrl-C.
    Errors that are not about input keep their traceback: they are defects.
    """
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED  # which newer releases of typer return themselves
    except Exception as error:
        if not isinstance(error, ValueError | OSError) and not hasattr(error, "format_message"):
            raise
        said = one_line(error) or f"{type(error).__name__}, without a word why"
        # A group called without its command is answered with what there is.
        asked = type(error).__name__ == "NoArgsIsHelpError"
        sys.stderr.write(f"{said}\n" if asked else f"aethermodel: {said}\n")
        sys.exit(BAD_INPUT)
    if code == INTERRUPTED:
        sys.stderr.write("aethermodel: interrupted\n")
    sys.exit(code if isinstance(code, int) else 0)


def run_command(command: Callable[..., None]) -> NoReturn:
    """Run one function as a program of its own."""
    app = typer.Typer(add_completion=False)
    app.command()(command)
    run_app(app)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the time that remains, on standard error.

    Yields
    ------
    callable
        ``(done, total)``, to be called as work goes on.
    """
    if not sys.stderr.isatty():
        yield _plain_progress(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_progress(title: str) -> Callable[[int, int], None]:
    """Where nobody can watch a bar (a log, a pipe): a line at each tenth."""
    from time import monotonic

    start, last = monotonic(), -1

    def update(done: int, total: int) -> None:
        nonlocal last
        tenth = 10 * done // total
        if tenth == last:
            return
        last = tenth
        left = f", about {(monotonic() - start) * (total - done) / done:.0f} s left" if done else ""
        sys.stderr.write(f"{title}: {done}/{total}{left}\n")

    return update
