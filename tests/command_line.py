"""Command line in processes of its own, as its users run it.

Importing takes longer than most commands, so that they are forked from an interpreter which has
imported (`warm_interpreter`). `fresh` runs the command from nothing.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile

import psutil
import warm_interpreter

#: The command line of a shell.
COMMAND = (sys.executable, "-m", "aethermodel")
# Measures each thing a few times, and nothing again because the host was busy.
_QUICKLY = """
import sys
from aethermodel import thresholds
from aethermodel.cli import main

thresholds.DRIFT_PROCESSES, thresholds.DRIFT_REPEATS = 2, 1
thresholds.RETRIES = 0
sys.argv[0] = "aethermodel"
main()
"""
# Names the interpreter that workers share.
_ADDRESS = "AETHER_TESTS_INTERPRETER"
# Variables that Python or a library reads when it starts, which a fork is too late for.
_FORKED = {"cwd", "env", "module", "code", "encoding"}
_READ_AT_START = ("PYTHON", "LANG", "LC_", "MPL", "OMP_", "OPENBLAS_", "AETHER_SIMD", "TERMINAL_")


def fresh(*arguments, **options):
    """Run ``aethermodel`` from nothing; return what it printed and how it ended."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, **options
    )


def aether(*arguments, **options):
    """Run ``aethermodel`` and return what it printed and how it ended.

    Options are those of `Command`, or of `subprocess.run`: where a fork will not do, it is run
    from nothing.
    """
    if options.keys() - _FORKED or _at_start(options.get("env")) != _at_start(None):
        return fresh(*arguments, **options)
    with Command(*arguments, **options) as command:
        return subprocess.CompletedProcess(
            [*COMMAND, *arguments], command.wait(), command.said(), command.complained()
        )


def quickly(*arguments, **options):
    """Run ``aethermodel`` with few samples of each thing."""
    return aether(*arguments, code=_QUICKLY, **options)


def _at_start(env):
    env = os.environ if env is None else env
    return {name: value for name, value in env.items() if name.startswith(_READ_AT_START)}


class Command:
    """A command that runs; at the block's end it is killed, and whatever it left behind.

    Parameters
    ----------
    *arguments : str
    cwd : path, optional
    env : dict, optional
        Its whole environment; by default this process's.
    module : str
        Which ``python -m`` is to run.
    code : str, optional
        Run this instead, as ``python -c`` does.
    encoding : str
        Of the streams.
    stdout : file, optional
    ignore_interrupts : bool
        Whether it is started with SIGINT ignored, as by ``nohup COMMAND &``.
    """

    def __init__(
        self,
        *arguments,
        cwd=None,
        env=None,
        module="aethermodel",
        code=None,
        encoding="utf-8",
        stdout=None,
        ignore_interrupts=False,
    ):
        request = {
            "arguments": list(map(str, arguments)),
            "cwd": str(Path(cwd or ".").resolve()),
            "env": dict(os.environ if env is None else env),
            "module": module,
            "code": code,
            "encoding": encoding,
            "ignore_interrupts": ignore_interrupts,
        }
        self._encoding = encoding
        self._output, self._errors = TemporaryFile(), TemporaryFile()  # noqa: SIM115  in __exit__
        self._keeper, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, Path(os.devnull).open("rb") as nothing:
            streams = (theirs, nothing, stdout or self._output, self._errors)
            descriptors = [stream.fileno() for stream in streams]
            socket.send_fds(_warm(), [json.dumps(request).encode()], descriptors)
        about = self._received()
        self.pid = about["pid"]
        self._keeper_pid = about["keeper"]
        self._status = None

    def _received(self):
        packet = self._keeper.recv(4096)
        assert packet, "the interpreter that commands are forked from has ended"
        return json.loads(packet)

    def wait(self, seconds=None):
        """Return the status, minus the signal's number if one ended it; None if it runs on."""
        if self._status is None:
            self._keeper.settimeout(seconds)
            try:
                self._status = self._received()["status"]
            except (TimeoutError, BlockingIOError):
                return None
        return self._status

    def poll(self):
        """Return the status, or None while it runs."""
        return self.wait(0)

    def send_signal(self, number, group=False):
        """Send a signal to the command, or to its group as a terminal does."""
        if self.poll() is None:
            (os.killpg if group else os.kill)(self.pid, number)

    def below(self):
        """Return the processes of the command, orphans of those it started among them."""
        found = []
        for process in psutil.Process(self._keeper_pid).children(recursive=True):
            try:
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def said(self):
        """Return what it has printed."""
        return self._text(self._output)

    def complained(self):
        """Return what it has written to standard error."""
        return self._text(self._errors)

    def _text(self, file):
        # By place: the command's descriptors share this one's.
        return os.pread(file.fileno(), 1 << 26, 0).decode(self._encoding)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        for what in (self._keeper, self._output, self._errors):
            what.close()


def share():
    """Start one interpreter for all workers of pytest-xdist, which find it by their environment."""
    os.environ[_ADDRESS] = _started()


@cache
def _warm():
    """Connect to the interpreter that commands are forked from; start one if none is shared."""
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, warm_interpreter.PACKET)
    ours.connect(f"\0{os.environ.get(_ADDRESS) or _started()}")
    return ours


def _started():
    """Start the interpreter, which ends with this process; return the name that it listens at."""
    name = f"aether-tests-{os.getpid()}-{token_hex(8)}"
    life, theirs = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, listener:
        listener.bind(f"\0{name}")  # no file: nothing to take away, and no path too long
        listener.listen()
        descriptors = (listener.fileno(), theirs.fileno())
        server = subprocess.Popen(
            [sys.executable, warm_interpreter.__file__, *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    @atexit.register
    def _end():
        life.close()
        server.wait()

    return name
