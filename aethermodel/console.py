"""Console output: one line for bad input, progress with ETA, a clean Ctrl-C.

What is printed is text: a name in brackets is no markup, and a control sign does nothing.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.main import get_command

from aethermodel.inputs.refusals import one_line
from aethermodel.memory import NO_MEMORY, short_of_memory
from aethermodel.processes import interrupt_is_handled
from aethermodel.text.printable import printable, use_printable_streams

if TYPE_CHECKING:
    from rich.console import Console

from aethermodel.inputs.sizes import count_of

BAD_INPUT = 2
# Any command may need them, and where it does it has not begun yet.
_NO_KERNELS = (
    "this command runs the compiled kernels, which this installation lacks: they are built on "
    "Linux (bound, predict, report and diff work without)"
)
INTERRUPTED = 130
PIPE_CLOSED = 1

__all__ = [
    "BAD_INPUT",
    "INTERRUPTED",
    "one_line",
    "plain_console",
    "progress",
    "run_app",
    "run_command",
]


def count(text: str | int) -> int:
    """Read a count of at least 1, such as 10000 or 1e4; for an option's ``parser``."""
    try:
        value = count_of(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if value < 1:
        raise typer.BadParameter(f"at least 1, not {value}")
    return value


@cache
def command_of(app: typer.Typer, name: str = "") -> Callable[..., Any]:
    """Return the command of an application, built once: that takes longer than most of them do.

    Parameters
    ----------
    app : typer.Typer
    name : str
        Of one of its commands or groups, to build that one alone; with any other, all are built.
    """
    if app.registered_callback:  # without it one command alone would have no name
        alone = copy(app)
        alone.registered_commands = [own for own in app.registered_commands if own.name == name]
        alone.registered_groups = [own for own in app.registered_groups if own.name == name]
        if alone.registered_commands or alone.registered_groups:
            return get_command(alone)
    return command_of(app) if name else get_command(app)


def run_app(app: typer.Typer) -> NoReturn:
    """Run a command line application and exit as DESIGN lays down.

    0 is done, 1 a failed verdict, 2 bad input with one line on standard error, 130 Ctrl-C. Too
    little memory is such a line too. Other errors keep their traceback: they are defects.
    """
    use_printable_streams()
    sys.unraisablehook = _no_interrupt_is_lost
    try:
        code = command_of(app, sys.argv[1] if len(sys.argv) > 1 else "")(standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED  # which newer releases of typer return themselves
    except BrokenPipeError:
        # Whoever read the output, such as head, has read enough; click ends so too.
        _discard_output()
        code = PIPE_CLOSED
    except Exception as error:
        kernels = isinstance(error, ImportError) and (error.name or "").startswith("cython_core")
        refused = isinstance(error, ValueError | OSError) or hasattr(error, "format_message")
        starved = not (refused or kernels) and short_of_memory()
        if not (refused or kernels or starved):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            # A group called without its command is answered with what there is.
            said = str(getattr(error, "format_message")())  # noqa: B009 - of click's errors alone
        elif kernels:
            said = f"aethermodel: {_NO_KERNELS}"
        elif starved:
            said = f"aethermodel: {NO_MEMORY}"
        else:
            # Whatever else is written has its name in the error.
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename
            said = f"aethermodel: {'standard output: ' * full}{one_line(error)}"
        sys.stderr.write(f"{said}\n")
        try:
            sys.stdout.flush()
        except OSError:
            _discard_output()
        sys.exit(BAD_INPUT)
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed once more, it ends as quietly
        sys.stderr.write("aethermodel: interrupted\n")
    interrupt_is_handled()
    sys.exit(code if isinstance(code, int) else 0)


def _discard_output() -> None:
    """Write what is left for standard output nowhere: at the end Python would try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _no_interrupt_is_lost(what: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C again that came within a finalizer, where Python ignores every exception."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)
        return
    # From a thread: here it would come within the finalizer again.
    again = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True
    again.start()


def run_command(command: Callable[..., None]) -> NoReturn:
    """Run one function as a program of its own."""
    app = typer.Typer(add_completion=False)
    app.command()(command)
    run_app(app)


def plain_console(*, stderr: bool = False, least_width: int = 0) -> Console:
    """Return a console for tables and styled lines, on which every text is shown as it is.

    Parameters
    ----------
    stderr : bool
        Of standard error, else of standard output.
    least_width : int
        Columns that a table has at least: in a pipe or a narrow window long lines are better
        than cells cut short.
    """
    made = _console_class()(stderr=stderr, markup=False, emoji=False)
    made.width = max(made.width, least_width)
    return made


@cache
def _console_class() -> type[Console]:
    """Return rich's console without markup; made at first use, as rich is slow to import."""
    from rich.console import Console
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            plain = {"markup": False, "emoji": False}
            return super().render_str(printable(text), **(options | plain))

        def render(self, renderable: Any, options: Any = None) -> Any:
            if isinstance(renderable, Text) and printable(renderable.plain) != renderable.plain:
                parts = ((printable(p.text), p.style or "") for p in renderable.render(self))
                escaped = renderable.blank_copy()
                renderable = escaped.append_tokens(parts)
            return super().render(renderable, options)

    return PlainConsole


@contextmanager
def progress(
    title: str, *, after: float = 0.0, budget: float = inf
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with the time that remains, on standard error, or as one line in a notebook.

    Parameters
    ----------
    title : str
    after : float
        Seconds in which nothing is shown: what ends before is quick.
    budget : float
        Seconds after which the work ends, were it not done.

    Yields
    ------
    callable
        ``(done, total)``, to be called as work goes on.
    """
    if after:
        with ExitStack() as open_:
            yield _late(after, lambda: open_.enter_context(progress(title, budget=budget)))
        return
    if shown := _notebook_line():
        # One line that each next one replaces: no red block of standard error.
        from time import monotonic

        start = monotonic()
        yield _plain_progress(title, shown, budget)
        shown(f"{title}: done in {monotonic() - start:,.1f} s")
        return
    if not sys.stderr.isatty():
        yield _plain_progress(title, lambda line: sys.stderr.write(f"{line}\n"), budget)
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            done, total = int(task.completed), int(task.total or 0)
            taken = task.elapsed or 0.0
            return Text(time_left(done, total, taken, budget).removeprefix(", "))

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}", markup=False),
        Left(),
    )
    with Progress(*columns, console=plain_console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


#: Before so much of the work or so many seconds nothing is known of what is left.
_LEAST_SHARE, _LEAST_SECONDS = 0.1, 2.0


def time_left(done: int, total: int, seconds: float, budget: float = inf) -> str:
    """Say how long the rest will take, or nothing while that is not known.

    Parameters
    ----------
    done, total : int
        Of the work.
    seconds : float
        That `done` took.
    budget : float
        Seconds after which no more is begun; once they are over, what is left is not known.
    """
    if not 0 < done < total or done < _LEAST_SHARE * total or seconds < _LEAST_SECONDS:
        return ""
    left = min(seconds * (total - done) / done, budget - seconds)
    return f", about {left:,.0f} s left" if left >= 1 else ""


def _notebook_line() -> Callable[[str], object] | None:
    """Return what shows a line in place of the last one in a notebook; None elsewhere."""
    shell = sys.modules.get("IPython")
    kernel = getattr(shell and shell.get_ipython(), "kernel", None)
    if kernel is None:
        return None
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return lambda line: handle.update({"text/plain": line}, raw=True)


def _late(
    after: float, begin: Callable[[], Callable[[int, int], None]]
) -> Callable[[int, int], None]:
    """Return a progress that begins once some seconds have passed."""
    from time import monotonic

    start, update, before = monotonic(), None, 0

    def late(done: int, total: int) -> None:
        nonlocal update, before
        if update is None:
            if monotonic() - start < after:
                return
            update, before = begin(), done
        # What was done unseen is no part of it: the time that remains is that of the pace seen.
        if total > before:
            update(done - before, total - before)

    return late


def _plain_progress(
    title: str, show: Callable[[str], object], budget: float
) -> Callable[[int, int], None]:
    """Where nobody can watch a bar (a log, a pipe, a notebook): a line at each tenth."""
    from time import monotonic

    start, last = monotonic(), -1

    def update(done: int, total: int) -> None:
        nonlocal last
        tenth = 10 * done // total
        if tenth == last:
            return
        last = tenth
        taken = monotonic() - start
        show(f"{title}: {done}/{total}{time_left(done, total, taken, budget)}")

    return update
