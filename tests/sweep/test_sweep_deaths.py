"""Processes of a sweep that are killed: the point fails with a reason, and the others go on."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import nbformat
import psutil
import pytest

from aethermodel.execute.forks import ForkError, ForkServer
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.run import run
from aethermodel.sweep.store import Store

# A point that has its fork server, or itself, killed, as where memory runs out.
KILLS = "import os, time\nif n == 1:\n    os.kill({whom}, 9)\n    time.sleep(100)\n"
SERVER, ITSELF = "os.getppid()", "os.getpid()"


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def notebook(folder, whom):
    cells = [nbformat.v4.new_code_cell(text) for text in ("n = 0", KILLS.format(whom=whom))]
    book = nbformat.v4.new_notebook(cells=cells)
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, str(folder / "book.ipynb"))
    return str(folder / "book.ipynb")


@pytest.mark.parametrize(
    ("whom", "why"),
    [
        (SERVER, "the fork server was ended by SIGKILL"),
        (ITSELF, "the notebook's kernel was ended by SIGKILL"),
    ],
)
def test_a_notebook_whose_process_is_killed_fails_and_the_others_run(tmp_path, whom, why):
    store = Store(tmp_path / "s")
    summary = run(Sweep(notebook=notebook(tmp_path, whom), parameters={"n": [0, 1, 2]}), store)
    assert summary.states == {"done": 2, "failed": 1}
    (failure,) = summary.failures
    assert failure.parameters["n"] == 1
    assert why in failure.outcome.error


def _is_fork_server(process):
    """Whether a process is a fork server, or was forked by one."""
    try:
        return "forkserver" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _leads_session(process):
    try:
        return os.getsid(process.pid) == process.pid
    except ProcessLookupError:
        return False


def end_when_it_measures(server: bool, deaths: list, others: set):
    """Kill the new fork server below this process, or its child, as soon as it has a child."""
    while True:
        for process in set(psutil.Process().children()) - others:
            if not _is_fork_server(process):
                continue
            # A child that was asked for leads a session. What an import of the server's starts,
            # such as the build of a changed kernel, does not, and is a fork server until its exec.
            with_child = [child for child in process.children() if _leads_session(child)]
            if with_child:
                victim = process if server else with_child[0]
                deaths.append(victim.pid)
                victim.kill()
                return
        time.sleep(0.001)


@pytest.mark.parametrize(
    ("server", "why"),
    [(True, "the fork server was ended by SIGKILL"), (False, "ended by SIGKILL; is memory short?")],
)
def test_a_probe_whose_process_is_killed_fails_and_the_others_run(tmp_path, server, why):
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2, 3]}, samples=5, sample_seconds=0.2)
    deaths, others = [], set(psutil.Process().children())  # of tests before, in this process
    killer = threading.Thread(target=end_when_it_measures, args=(server, deaths, others))
    killer.start()
    summary = run(sweep.model_copy(update={"noise_gate": 1.0}), Store(tmp_path / "s"))
    killer.join()
    assert summary.states == {"done": 2, "failed": 1}
    assert why in summary.failures[0].outcome.error
    assert not psutil.pid_exists(deaths[0]) or psutil.Process(deaths[0]).status() == "zombie"


def test_a_server_that_dies_between_two_children_is_noticed():
    with ForkServer([]) as server:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ForkError, match="was ended by SIGKILL"):
            server.fork("os:getpid", {})
        assert not server.alive


def test_what_a_child_started_ends_with_a_server_that_is_killed(tmp_path):
    (tmp_path / "starts.py").write_text(
        "import subprocess, sys, time\n"
        "def start(note):\n"
        "    child = subprocess.Popen(['sleep', '100'])\n"
        "    with open(note, 'w') as file: file.write(str(child.pid))\n"
        "    time.sleep(100)\n"
    )
    note = tmp_path / "note"
    with ForkServer(["starts"], {"PYTHONPATH": str(tmp_path)}) as server:
        with server.fork("starts:start", {"note": str(note)}) as fork:
            while not (note.exists() and note.read_text()):
                time.sleep(0.01)
            os.kill(server.pid, signal.SIGKILL)
            with pytest.raises(ForkError, match="SIGKILL"):
                fork.value(60)
        sleeper = (
            psutil.Process(int(note.read_text()))
            if psutil.pid_exists(int(note.read_text()))
            else None
        )
        if sleeper is not None:
            psutil.wait_procs([sleeper], 60)
            assert not sleeper.is_running() or sleeper.status() == "zombie"


def test_a_fork_server_that_cannot_start_is_one_line(tmp_path):
    """The command's own line, without a traceback: here a module that ends the interpreter."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'aethermodel.execute.forkserver' in sys.argv or "
        "any('forkserver' in word for word in sys.orig_argv):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [*(sys.executable, "-m", "aethermodel", "sweep", "run", "--probe", "ffi")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 2
    last = "aethermodel: the fork server was ended by SIGKILL; is memory short?"
    assert done.stderr.splitlines() == [last]
