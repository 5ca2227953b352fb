"""Child processes that a campaign may kill: forked, ended by their own id, never left behind."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from tools.torture.witness import Page

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Exit status of a child whose body raised; its traceback is in the page.
RAISED = 70
#: Seconds that a child may take to end once told: microseconds, and long on a busy host.
END_SECONDS = 60.0
#: What a process that has lost its parent has to end by itself.
GRACE_SECONDS = 20.0
_STILL = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE)
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans(wanted: bool = True) -> None:
    """Become the parent of all descendants whose own parent dies; or no longer."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which forked it, dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(RAISED)


class Child:
    """A forked child that runs a body and exits.

    Parameters
    ----------
    body : callable
        Run in the child; what it raises goes to the page as text, with exit status `RAISED`.
    page : Page
    """

    def __init__(self, body: Callable[[], None], page: Page) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            _run(body, page, parent)
        self._pidfd = os.pidfd_open(self.pid)
        self.status: int | None = None

    def kill(self) -> None:
        """End it by signal 9."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = END_SECONDS) -> bool:
        """Return whether it ended in time; `status` is then its exit code, or minus a signal."""
        if self.status is None:
            watch = select.poll()
            watch.register(self._pidfd, select.POLLIN)
            if not watch.poll(seconds * 1000):
                return False
            _, status = os.waitpid(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            os.close(self._pidfd)
        return True

    def end(self) -> None:
        """Kill it if it still runs, and reap it."""
        if self.status is None:
            self.kill()
            self.wait()


def _run(body: Callable[[], None], page: Page, parent: int) -> None:
    status = RAISED
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with(parent)
        body()
        status = 0
    except BaseException:
        page.write_text(traceback.format_exc())
    finally:
        os._exit(status)


@contextmanager
def children(*started: Child) -> Iterator[list[Child]]:
    """Yield a list of children, all of which are ended with the block."""
    running = list(started)
    try:
        yield running
    finally:
        for child in running:
            child.end()


def end_tree(pid: int) -> float:
    """Kill a child of this process and all that descends from it; return the child's CPU seconds.

    They are stopped first: none can fork another while they are counted.
    """
    stopped: set[int] = set()
    while fresh := {pid, *(process.pid for process in _below(pid))} - stopped:
        for number in fresh:
            _signal(number, signal.SIGSTOP)
        for number in fresh:
            _await_stop(number)
        stopped |= fresh
    for number in stopped:
        _signal(number, signal.SIGKILL)
    _, _, usage = os.wait4(pid, 0)
    for number in stopped - {pid}:
        with suppress(ChildProcessError):  # adopted by another
            os.waitpid(number, 0)
    return usage.ru_utime + usage.ru_stime


def _await_stop(pid: int) -> None:
    """Wait until a process has stopped, or is gone: on a busy host it may fork before it does."""
    end = time.monotonic() + END_SECONDS
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() not in _STILL and time.monotonic() < end:
            time.sleep(0.001)


def end_descendants(seconds: float | None = None) -> list[str]:
    """Kill each descendant that does not end by itself in time, and return their names.

    A server of forks ends when it sees that its command is gone, which takes it a moment.
    """
    left = []
    timeout = GRACE_SECONDS if seconds is None else seconds
    _, running = psutil.wait_procs(_below(os.getpid()), timeout=timeout)
    for process in running:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline())[:120] or process.name())
        _signal(process.pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return left


def _below(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        below: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
        return below
    return []


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
