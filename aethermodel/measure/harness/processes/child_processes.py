"""Context for child processes, with their modules imported beforehand.

By `multiprocessing`, which hands them descriptors and semaphores; they end with this process
and leave Ctrl-C to it, as `aethermodel.processes` has it.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from aethermodel.measure.host import affinity
from aethermodel.processes import ChildError, deaf, end_with, ending, leave_interrupts

T = TypeVar("T")

# Between looks at whether a child still lives: too seldom to show in a measurement.
_LOOK_SECONDS = 1.0
_WARM = [
    "aethermodel.measure.harness.processes.producer_process",
    "aethermodel.measure.harness.processes.consumer_process",
]


def start(
    target: Callable[..., None],
    *arguments: Any,
    warm: bool = False,
    daemon: bool = True,
    part: affinity.Part = "producer",
) -> BaseProcess:
    """Start a process.

    Parameters
    ----------
    target : callable
        A function of a module.
    *arguments
        Pickled; what only a child may be given, such as a `RingHandle`, is handed over.
    warm : bool
        Fork it from a process that has imported both ends of a fabric, instead of starting a
        fresh interpreter: importing takes longer than a point takes to measure. That process
        holds nothing of this one, so that no thread, lock or event loop is copied half-way.
    daemon : bool
        Whether it may not have children of its own.
    part : {"loop", "producer", "consumer"}
        Which part of a measurement it is, where its parts are placed.
    """
    context: Any = multiprocessing.get_context("forkserver" if warm else "spawn")
    if warm:
        context.set_forkserver_preload(_WARM)
    # Started first: it unblocks SIGINT when it has been.
    resource_tracker.ensure_running()
    child: BaseProcess = context.Process(
        target=_belong, args=(affinity.current(), part, target, arguments), daemon=daemon
    )
    with deaf():
        child.start()
    return child


def _belong(
    placed: affinity.Placement | None,
    part: affinity.Part,
    target: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    end_with(parent.sentinel)
    leave_interrupts()
    # Handed over: a process that forks others has the environment of its own start.
    affinity.use(placed.text if placed else None)
    if placed:
        placed.take(part)
    target(*arguments)


def end(child: BaseProcess, seconds: float = 5.0) -> None:
    """Wait for a child's end, and kill it if it takes longer."""
    try:
        child.join(seconds)
    finally:
        if child.is_alive():
            child.kill()
        child.join()


def hear(orders: Connection, child: BaseProcess) -> Any:
    """Receive what a child says next.

    Raises
    ------
    ChildError
        If it ended instead, in words.
    """
    try:
        return orders.recv()
    except (EOFError, ConnectionResetError):
        raise lost(child) from None


@contextmanager
def until_hang_up(orders: Connection) -> Iterator[None]:
    """In a child, end the block quietly where it fails because the parent has let go."""
    try:
        yield
    except Exception:
        try:
            while orders.poll():
                orders.recv()
        except (EOFError, ConnectionResetError):
            return
        raise


def lost(child: BaseProcess) -> ChildError:
    """Return the error of a child that hung up."""
    child.join(1)
    code = child.exitcode
    return ChildError(f"the other process {'hung up' if code is None else ending(code)}")


@contextmanager
def watched(child: BaseProcess) -> Iterator[None]:
    """Within the block, a child's death ends whatever the main thread waits for.

    Raises
    ------
    ChildError
        In place of the wait.
    """
    told: list[ChildError] = []

    def look(*_: object) -> None:
        if not child.is_alive():
            told.append(lost(child))
            raise told[-1]

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    # Not SIGCHLD: it comes once, perhaps a moment before the wait begins.
    before = signal.signal(signal.SIGALRM, look)
    timer = signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
    try:
        yield
    except Exception:
        if told:
            # A library that it met while reading may have made an error of its own of it.
            raise told[-1] from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


def call(function: Callable[..., T], *arguments: Any) -> T:
    """Call a module's function in a fresh interpreter and return its value.

    Raises
    ------
    ChildError
        If the process ends first.
    Exception
        What the function raised, with its traceback as a note.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = start(_answer, theirs, function, arguments, daemon=False, part="loop")
    theirs.close()
    try:
        value, error = hear(ours, child)
    finally:
        ours.close()
        end(child, 0.0 if sys.exc_info()[0] else 5.0)
    if error is not None:
        raise error
    answer: T = value
    return answer


def _answer(sink: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        sink.send((function(*arguments), None))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        sink.send((None, error))
