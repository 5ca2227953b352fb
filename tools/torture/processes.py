"""Child processes that a campaign may kill: forked, ended by their own id, never left behind."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from tools.torture.witness import Page

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Exit status of a child whose body raised; its traceback is in the page.
RAISED = 70
#: Seconds that a child may take to end once told.
END_SECONDS = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent dies."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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


def end_descendants(of: int | None = None) -> list[str]:
    """Kill each descendant of a process (this one by default) by its id; return their names."""
    left = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline())[:120] or process.name())
            process.kill()
        except psutil.NoSuchProcess:
            continue
    if of is None:
        reap()
    return left


def reap() -> None:
    """Collect every child that has ended, or was just killed."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return
