"""Fork server: imports what the work needs, then forks a child for each request.

`aethermodel.execute.forks` runs it, as an `aethermodel.processes.Child`.
It never runs the work itself, so that each child starts from the same clean state. It has
one child at a time: measurements do not share a host.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NoReturn

from aethermodel.processes import outlive

#: The largest request or answer, in bytes.
PACKET = 1 << 16

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


# Looked up here: in a child every page that is written to is copied first.
_C_PRCTL = ctypes.CDLL(None, use_errno=True).prctl


def _prctl(option: int, value: int) -> None:
    _C_PRCTL(option, value, 0, 0, 0)


def _kill_descendants() -> None:
    """Kill and reap every process below this one, whatever session it has moved to.

    As subreaper this process inherits orphans, so that none escapes by losing its
    parent. Killing goes on until nothing is left: a child may fork while it is looked for.
    """
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        except FileNotFoundError:  # a kernel built without it
            return
        if not children:
            return
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _work(server: int, request: dict[str, Any], result: int, errors: int) -> NoReturn:
    """Be the child: call one function, write its value as JSON, and end."""
    code = 1
    try:
        os.setsid()  # Ctrl-C at the terminal is the parent's to handle
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:  # it died before we could ask to be told
            os._exit(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard, source in ((0, nothing), (1, nothing), (2, errors)):
            os.dup2(source, standard)
        os.chdir(request["cwd"])
        os.environ.update(request["environment"])
        if "numpy.random" in sys.modules:
            # Unlike `random`, its global generator does not notice that it was forked.
            sys.modules["numpy.random"].seed()
        gc.enable()
        module, _, function = request["call"].partition(":")
        value = getattr(import_module(module), function)(**request["arguments"])
        with os.fdopen(result, "w", encoding="utf-8") as sink:
            json.dump(value, sink)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        # Not the interpreter's own end: it would take down, object by object, all
        # that was imported for every child, for as long as a short point takes.
        with suppress(BaseException):
            atexit._run_exitfuncs()
        with suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def _watch(control: socket.socket, child: int) -> bool:
    """Wait until the child ends; return whether the client is still there."""
    ended = os.pidfd_open(child)
    try:
        while True:
            if ended in wait([control, ended]):
                _, status = os.waitpid(child, 0)
                _kill_descendants()
                answer = {"code": os.waitstatus_to_exitcode(status)}
                with suppress(BrokenPipeError):
                    control.send(json.dumps(answer).encode())
                return True
            order = control.recv(PACKET)
            if not order:
                return False
            wanted = json.loads(order)
            if wanted["to"] != child:
                continue  # it was for the one before
            number = wanted["signal"]
            try:
                os.killpg(child, number)
            except ProcessLookupError:  # it has not come to its own session yet
                with suppress(ProcessLookupError):
                    os.kill(child, number)
    finally:
        os.close(ended)


def serve(control: socket.socket, preload: list[str]) -> None:
    """Serve requests until the client hangs up; then leave no process behind."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for module in preload:
        import_module(module)
    # Python warns when a process with threads forks. The threads here are OpenBLAS's,
    # which has fork handlers of its own.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    # A collection in a child would write to, and so copy, every page it shares with us.
    gc.collect()
    gc.freeze()
    gc.disable()
    server = os.getpid()
    # From here on the client's end is noticed where it is waited for, and leaves nothing behind.
    outlive(control.fileno())
    try:
        control.send(json.dumps({"ready": server}).encode())
        while True:
            packet, descriptors, _, _ = socket.recv_fds(control, PACKET, 2)
            if not packet:
                return
            request = json.loads(packet)
            if "call" not in request:
                continue  # a signal for a child that has just ended
            child = os.fork()
            if child == 0:
                control.close()
                _work(server, request, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            control.send(json.dumps({"pid": child}).encode())
            if not _watch(control, child):
                return
    finally:
        _kill_descendants()


def main() -> None:
    """Take the control socket's number and the modules to import from the command line."""
    control = socket.socket(fileno=int(sys.argv[1]))
    with control, suppress(BrokenPipeError):
        serve(control, sys.argv[2:])


if __name__ == "__main__":
    main()
