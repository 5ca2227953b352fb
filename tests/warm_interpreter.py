"""Interpreter with every command's imports, from which each command is forked.

    python warm_interpreter.py LISTENER LIFE

`command_line` starts one a session, with two descriptors: of a socket that it listens at, and of
one that hangs up when the session ends. It imports when the first client comes. Each client sends
it a request a command. Beside the command there is its keeper: it inherits what the command leaves
behind, and ends that when its client hangs up.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import types
import warnings
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

#: The largest request, in bytes.
PACKET = 1 << 18
# What the commands import within functions.
_LIBRARIES = (
    *("IPython.display", "jinja2", "matplotlib.backends.backend_svg", "matplotlib.pyplot"),
    *("nbconvert", "nbformat", "numpy.random", "pandas", "papermill", "pint", "pyarrow.parquet"),
    *("rich.console", "rich.progress", "rich.table", "scipy.optimize", "scipy.stats", "sympy"),
    *("typer.rich_utils", "uvloop", "yaml"),
)
# Those start what other commands lack: an engine of notebooks, a cluster.
_LEFT_OUT = ("aethermodel.execute.", "aethermodel.sweep.dask_cluster", "aethermodel.__main__")
_SUBREAPER = 36


#: How a command ended, once it has.
_statuses: list[int] = []


def end() -> None:
    """Leave out the last step of an interpreter: to give back all that was imported takes longest.

    It is the first that was registered, so that whatever else is done at an end has been done.
    """
    if _statuses:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_statuses[0])


def load() -> None:
    """Import what the commands do, as far as it is installed."""
    import aethermodel

    ours = (module.name for module in pkgutil.walk_packages(aethermodel.__path__, "aethermodel."))
    wanted = [name for name in ours if not name.startswith(_LEFT_OUT)]
    for name in (*wanted, *_LIBRARIES):
        with suppress(ImportError):
            importlib.import_module(name)
    from aethermodel.cli import app
    from aethermodel.console import command_of

    for own in (*app.registered_commands, *app.registered_groups):
        command_of(app, own.name)
    command_of(app)


def below(pid: int) -> list[int]:
    """Return the children of a process, which may have ended."""
    with suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def keep(client: socket.socket, command: int) -> None:
    """Tell the client the command's status, and end what is left once it hangs up."""
    ended = os.pidfd_open(command)
    ready, _, _ = select.select([client, ended], [], [])
    if ended in ready:
        _, status = os.waitpid(command, 0)
        with suppress(OSError):
            client.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())
        client.recv(1)
    while left := below(os.getpid()):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def become(request: dict, descriptors: list[int]) -> None:
    """Be the process of a command: its streams, signals, environment and place."""
    os.setsid()
    ignored = signal.SIG_IGN if request["ignore_interrupts"] else signal.default_int_handler
    signal.signal(signal.SIGINT, ignored)
    for stream, descriptor in enumerate(descriptors):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None
    sys.path.insert(0, request["cwd"])
    for stream in (sys.stdout, sys.stderr) if request["encoding"] else ():
        stream.reconfigure(encoding=request["encoding"])  # as PYTHONIOENCODING does
    gc.enable()


def ready(listener: socket.socket, life: socket.socket, *clients: socket.socket) -> list:
    """Wait for clients that come, or that ask; end where the session has."""
    heard, _, _ = select.select([listener, life, *clients], [], [])
    if life in heard:
        os._exit(0)
    return heard


def admitted(listener: socket.socket) -> socket.socket | None:
    """Accept a client; one of another user is none."""
    client, _ = listener.accept()
    credentials = struct.Struct("3i")
    peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    if credentials.unpack(peer)[1] == os.getuid():
        return client
    client.close()
    return None


def requests(listener: socket.socket, life: socket.socket) -> Generator[tuple[bytes, list[int]]]:
    """Yield what clients ask for, with the descriptors that came along."""
    clients: list[socket.socket] = []
    try:
        while True:
            for heard in ready(listener, life, *clients):
                if heard is listener:
                    if client := admitted(listener):
                        clients.append(client)
                    continue
                packet, descriptors, _, _ = socket.recv_fds(heard, PACKET, 4)
                if packet:
                    yield packet, descriptors
                else:
                    clients.remove(heard)
                    heard.close()
    finally:
        for one in (listener, life, *clients):
            one.close()


def serve(listener: socket.socket, life: socket.socket) -> dict:
    """Fork a process a request; return the request in each."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for keepers
    asked = requests(listener, life)
    for packet, descriptors in asked:
        if os.fork() == 0:
            request = json.loads(packet)
            break
        for descriptor in descriptors:
            os.close(descriptor)
    asked.close()
    client, *streams = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    command = os.fork()
    if command == 0:
        os.close(client)
        become(request, streams)
        return request
    with socket.socket(fileno=client) as told:
        told.send(json.dumps({"keeper": os.getpid(), "pid": command}).encode())
        for stream in streams:
            os.close(stream)
        keep(told, command)
    os._exit(0)


def run(asked: dict) -> None:
    """Run a command's code, or its module."""
    if code := asked["code"]:
        sys.argv = ["-c", *asked["arguments"]]
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), vars(sys.modules["__main__"]))
    else:
        sys.argv = [asked["module"], *asked["arguments"]]
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    atexit.register(end)
    del sys.path[0]  # the folder of the tests
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client's to handle
    listener, life = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
    ready(listener, life)
    gc.disable()  # nothing of what is imported goes
    load()
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")
    gc.collect()
    gc.freeze()
    asked = serve(listener, life)
    try:
        run(asked)
    except SystemExit as ending:
        if isinstance(ending.code, int):
            _statuses.append(ending.code)
        raise
    _statuses.append(0)
