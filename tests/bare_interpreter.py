"""Interpreter as on Windows: no compiled kernel, and nothing that only Unix has.

    python bare_interpreter.py PROGRAM REQUESTS

PROGRAM is run first. Then each command of REQUESTS, a JSON list of lists of words, is run in this
process, and what it ended with is written to standard output: status, output and errors of each.
Libraries keep what they need: what is hidden is hidden from the modules of this project.
"""

import builtins
import contextlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
import traceback
import types
from pathlib import Path

ROOT = Path(__file__).parents[1]
_OURS = ("aethermodel", "cython_core")
_COMPILED = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "cython_core").rglob("*.pyx")
}
_OF_UNIX = {
    *("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"),
    *("_posixshmem", "_posixsubprocess"),
}
_OS_LACKS = {
    *("chown", "chroot", "confstr", "copy_file_range", "eventfd", "fchdir", "fchmod", "fchown"),
    *("fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid"),
    *("getpgrp", "getpriority", "getsid", "getuid", "initgroups", "killpg", "lchown", "lockf"),
    *("memfd_create", "mkfifo", "mknod", "nice", "openpty", "pidfd_open", "pipe2", "posix_spawn"),
    *("pread", "preadv", "pwrite", "pwritev", "readv", "register_at_fork", "sendfile"),
    *("setpgid", "setpriority", "setsid", "splice", "statvfs", "sync", "sysconf", "uname"),
    *("wait", "wait3", "wait4", "waitid", "writev"),
}
_OS_HAS = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_APPEND", "O_CREAT", "O_EXCL", "O_TRUNC"}
_SIGNALS = {
    *("SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN"),
}
_SIGNAL_LACKS = {
    *("alarm", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt"),
    *("sigpending", "sigtimedwait", "sigwait", "sigwaitinfo", "ITIMER_REAL"),
}


def _os_lacks(name: str) -> bool:
    return (
        name in _OS_LACKS
        or (name.startswith(("sched_", "SCHED_", "W", "P_")) and name != "W_OK")
        or (name.startswith("O_") and name not in _OS_HAS)
    )


def _signal_lacks(name: str) -> bool:
    return name in _SIGNAL_LACKS or (
        name.startswith("SIG") and name.isupper() and name not in _SIGNALS
    )


def _socket_lacks(name: str) -> bool:
    return name.startswith(("SCM_", "MSG_CMSG")) or name in (
        *("AF_UNIX", "AF_NETLINK", "SO_REUSEPORT", "SO_PEERCRED", "send_fds", "recv_fds"),
    )


_LACKS = {
    "os": _os_lacks,
    "signal": _signal_lacks,
    "select": lambda name: name != "select",
    "socket": _socket_lacks,
    "time": lambda name: name.startswith(("CLOCK_", "clock_")),
}
_PLACES = ("/proc", "/sys", "/dev/shm")


class _Lacking(types.ModuleType):
    """A module of the standard library without what Windows lacks of it."""

    def __init__(self, real: types.ModuleType) -> None:
        super().__init__(real.__name__)
        self._real, self._lacks = real, _LACKS[real.__name__]

    def __getattr__(self, name: str) -> object:
        if self._lacks(name):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return getattr(self._real, name)


def _open(path, flags, *more, **named):
    """Open a file; folders are not opened there."""
    if Path(path).is_dir():
        raise PermissionError(13, "Permission denied", str(path))
    return os.open(path, flags, *more, **named)


_SHOWN = {real.__name__: _Lacking(real) for real in (os, signal, select, socket, time)}
_SHOWN["os"].open = _open
_import = builtins.__import__


def _windows_import(name, globals=None, locals=None, fromlist=(), level=0):
    """Import for a module of this project what there is on Windows; for others all."""
    asking = (globals or {}).get("__name__", "")
    if level == 0 and asking.split(".")[0] in _OURS:
        if name in _OF_UNIX:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        top = name if fromlist else name.split(".")[0]
        if top in _SHOWN:
            _import(name)
            return _SHOWN[top]
    return _import(name, globals, locals, fromlist, level)


class _NoKernels:
    """Finds no compiled kernel."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in _COMPILED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _no_proc(event: str, arguments: tuple) -> None:
    """Let a module of this project find none of the folders in which Linux tells of itself."""
    if event not in ("open", "os.listdir", "os.scandir") or not arguments:
        return
    path = arguments[0]
    if not isinstance(path, str) or not path.startswith(_PLACES):
        return
    frame = sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").split(".")[0] in sys.stdlib_module_names:
        frame = frame.f_back
    if frame and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        if event == "open":
            raise FileNotFoundError(2, "No such file or directory", path)
        raise PermissionError(13, "Permission denied", path)  # which a pattern finds nothing in


def run(words: list[str]) -> tuple[int, str, str]:
    """Run a command; return its status, what it printed and what it complained of."""
    from aethermodel.cli import main

    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    before, sys.argv = sys.argv, ["aethermodel", *words]
    code = 0
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            main()
        except SystemExit as ending:
            code = ending.code
        except BaseException:
            code = 1
            traceback.print_exc()
    sys.argv = before
    return code, *(stream.buffer.getvalue().decode() for stream in streams)


if __name__ == "__main__":
    sys.meta_path.insert(0, _NoKernels)
    builtins.__import__ = _windows_import
    sys.addaudithook(_no_proc)
    runpy.run_path(sys.argv[1])
    json.dump([run(words) for words in json.loads(Path(sys.argv[2]).read_text())], sys.stdout)
