"""Child processes that end with their parent and leave Ctrl-C to it.

Why our own: the signal of ``PR_SET_PDEATHSIG`` comes when the *thread* ends that started the
child, and neither it nor `multiprocessing` covers the time before the child has asked for it.
Here the kernel ends a child when the last holder of the other end of a pipe is gone, from the
child's first lines on, and whatever the child is doing.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Seconds that a child may take to clean up before it is killed.
PARTING_SECONDS = 10.0
# What ends a child: sent by the kernel where a descriptor has O_ASYNC; it ends a process
# that has no handler for it.
_HANG_UP = getattr(signal, "SIGIO", signal.SIGTERM)  # which Windows has not


class ChildError(ChildProcessError):
    """A child process ended without doing its work."""


def ending(code: int) -> str:
    """Say how a process ended.

    Parameters
    ----------
    code : int
        As `subprocess.Popen.returncode`: minus the signal's number if one ended it.
    """
    if code >= 0:
        return f"ended with status {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    cause = {"SIGKILL": "; is memory short?", "SIGBUS": "; is /dev/shm full?"}
    return f"ended by {name}{cause.get(name, '')}"


@contextmanager
def deaf() -> Iterator[None]:
    """Start children within the block that Ctrl-C at the terminal does not reach.

    They inherit that SIGINT is blocked, so that none comes before `leave_interrupts`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interrupt_is_handled() -> None:
    """Let ``python -m`` end with the exit status that it is given, and not by SIGINT.

    CPython keeps in mind that a Ctrl-C left a source text that is run, such as those that
    `dataclasses` makes, though it was caught further up, until the next text is run.
    """
    exec("")


def leave_interrupts() -> None:
    """In a child: ignore SIGINT; whoever started this process decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_with(descriptor: int) -> None:
    """In a child: let the kernel end this process when the other end is closed.

    Parameters
    ----------
    descriptor : int
        A pipe's reading end or a socket, to which nothing is written meanwhile.
    """
    import fcntl  # of Unix alone

    signal.signal(_HANG_UP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {_HANG_UP})
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    watch = select.poll()
    watch.register(descriptor, select.POLLIN)
    if watch.poll(0):  # it was closed before we asked to be told
        os._exit(1)


def outlive(descriptor: int) -> None:
    """In a child: take `end_with` back."""
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~os.O_ASYNC)


class Child(subprocess.Popen[Any]):
    """A fresh interpreter that runs a module of ours as ``python -m`` does.

    It ends with this process, however that ends. As a context manager it is ended at the
    block's end. SIGTERM lets it clean up.

    Parameters
    ----------
    module : str
    *arguments : str
        Its command line.
    lifeline : int, optional
        Descriptor of the child's end of what it ends with, which it has under the same number;
        by default a pipe of its own.
    **options
        As for `subprocess.Popen`.
    """

    def __init__(
        self, module: str, *arguments: str, lifeline: int | None = None, **options: Any
    ) -> None:
        self._lifeline = -1
        theirs = lifeline
        if theirs is None:
            theirs, self._lifeline = os.pipe()
        # -P: a numpy.py in the current folder is not what was meant.
        command = [sys.executable, "-P", "-m", __name__, str(theirs), module, *arguments]
        try:
            with deaf():
                super().__init__(command, pass_fds=(theirs,), **options)
        except BaseException:
            self._let_go()
            raise
        finally:
            if lifeline is None:
                os.close(theirs)

    def end(self, seconds: float = PARTING_SECONDS) -> None:
        """Let it clean up for a time, then kill it; return when it has ended. Idempotent."""
        try:
            if self.poll() is None:
                self.terminate()
                self.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if self.poll() is None:
                self.kill()
                self.wait()
            self._let_go()

    def _let_go(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def __exit__(self, *exc: Any) -> None:
        self.end()
        if self.stdin:
            with suppress(BrokenPipeError):  # what it has not read, nobody will
                self.stdin.close()
        super().__exit__(*exc)


def main() -> None:
    """Be the child: ``python -m aethermodel.processes DESCRIPTOR MODULE [ARGUMENT ...]``."""
    end_with(int(sys.argv[1]))
    leave_interrupts()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    module = sys.argv[2]
    sys.argv[1:3] = []
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
