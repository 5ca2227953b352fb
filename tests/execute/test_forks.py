"""The fork server: fresh children, errors told, nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from waiting import gone, until

from aethermodel.execute.forks import ForkError, ForkServer, ForkTimeoutError


@pytest.fixture(scope="module")
def server():
    with ForkServer(["numpy.random", "json"]) as server:
        yield server


def run(server, call, **arguments):
    with server.fork(call, arguments) as fork:
        return fork.value(120)


def test_a_value_comes_back_from_another_process(server):
    assert run(server, "json:loads", s="[1, 2]") == [1, 2]
    pid = run(server, "os:getpid")
    assert pid not in (os.getpid(), server.pid)
    assert run(server, "os:getppid") == server.pid


def test_a_large_value_comes_back_whole(tmp_path):
    (tmp_path / "large.py").write_text("def large(n): return 'x' * n\n")
    with ForkServer([], {"PYTHONPATH": str(tmp_path)}) as own:
        assert run(own, "large:large", n=3_000_000) == "x" * 3_000_000


def test_state_never_leaks_from_child_to_child(tmp_path):
    (tmp_path / "leaky.py").write_text(
        "import os, numpy\n"
        "seen = []\n"
        "def leak():\n"
        "    seen.append(1)\n"
        "    os.environ['LEAK'] = 'yes'\n"
        "    first = 'LEAK' in os.environ and hasattr(numpy, 'leak')\n"
        "    numpy.leak = True\n"
        "    return [len(seen), first, numpy.random.rand()]\n"
    )
    with ForkServer(["leaky", "numpy.random"], {"PYTHONPATH": str(tmp_path)}) as own:
        first, second = run(own, "leaky:leak"), run(own, "leaky:leak")
    assert first[:2] == second[:2] == [1, False]
    assert first[2] != second[2]  # the global generator is seeded anew


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("json:loads", {"s": "{"}, "JSONDecodeError"),
        ("json:nothing", {}, "has no attribute 'nothing'"),
        ("no_such_module:f", {}, "No module named"),
        ("sys:exit", {}, "without a value"),
        ("os:abort", {}, "ended by SIGABRT"),
    ],
)
def test_a_child_that_fails_says_why_and_the_server_goes_on(server, call, arguments, message):
    with server.fork(call, arguments) as fork, pytest.raises(ForkError, match=message):
        fork.value(120)
    assert run(server, "os:getppid") == server.pid


def test_a_child_that_takes_too_long_is_killed(server):
    with server.fork("signal:pause", {}) as fork:
        with pytest.raises(ForkTimeoutError, match=r"not done after 0\.05 s"):
            fork.value(0.05)
        assert fork.poll() == -signal.SIGKILL
        assert gone(fork.pid)


def test_closing_ends_a_running_child_and_is_idempotent(server):
    fork = server.fork("signal:pause", {})
    assert fork.poll() is None
    fork.close()
    fork.close()
    assert gone(fork.pid)
    fork.signal(signal.SIGKILL)  # too late: does nothing, and not to the next child
    assert run(server, "os:getppid") == server.pid


def test_what_a_child_started_ends_with_it_even_in_a_session_of_its_own(tmp_path):
    (tmp_path / "starts.py").write_text(
        "import subprocess\n"
        "def start():\n"
        "    return subprocess.Popen(['sleep', '100'], start_new_session=True).pid\n"
    )
    with ForkServer(["starts"], {"PYTHONPATH": str(tmp_path)}) as own:
        assert gone(run(own, "starts:start"))


def test_a_server_that_cannot_import_says_so():
    with pytest.raises(ForkError, match="No module named 'no_such_module'"):
        ForkServer(["no_such_module"])


def test_a_server_that_was_killed_is_an_error_not_a_hang():
    with ForkServer([]) as own:
        fork = own.fork("signal:pause", {})
        os.kill(own.pid, signal.SIGKILL)
        with fork, pytest.raises(ForkError, match="the fork server was ended by SIGKILL"):
            fork.value(120)
        assert until(lambda: gone(fork.pid))
        assert not own.alive


def test_a_request_that_is_too_large_is_refused(server):
    with pytest.raises(ValueError, match="at most 65536"):
        server.fork("json:loads", {"s": "x" * 70_000})
    assert run(server, "os:getppid") == server.pid


def test_nothing_outlives_a_client_that_is_killed():
    program = (
        "from aethermodel.execute.forks import ForkServer\n"
        "server = ForkServer([])\n"
        "fork = server.fork('signal:pause', {})\n"
        "print(server.pid, fork.pid, flush=True)\n"
        "fork.value()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as client:
        pids = [int(word) for word in client.stdout.readline().split()]
        client.kill()
    assert until(lambda: all(map(gone, pids)))


def test_more_descriptors_than_select_can_take(tmp_path):
    """The server's client has 1,100 files open, and executes a notebook on a warm kernel too."""
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "most = 4096 if hard < 0 else min(hard, 4096)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))\n"
        "held = [open('/dev/null') for _ in range(1100)]\n"
        "from aethermodel.execute.forks import ForkServer, ForkTimeoutError\n"
        "with ForkServer(['json']) as server:\n"
        "    with server.fork('json:loads', {'s': '[1, 2]'}) as fork:\n"
        "        print(held[-1].fileno() > 1024, fork.value(120))\n"
        "    with server.fork('signal:pause', {}) as fork:\n"
        "        assert fork.poll() is None\n"
        "        try:\n"
        "            fork.value(0.05)\n"
        "        except ForkTimeoutError as error:\n"
        "            print(error)\n"
        "from aethermodel.execute.notebooks import execute\n"
        "execute('10_upper_bound.ipynb', Path(sys.argv[1]), {})\n"
        "print('executed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "out.ipynb")],
        capture_output=True,
        text=True,
        check=False,
    )
    said = ["True [1, 2]", "not done after 0.05 s", "executed"]
    assert done.stdout.splitlines() == said, done.stderr


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_a_client_killed_while_its_server_imports_leaves_none(tmp_path, seconds):
    """The server used to notice only when it had imported everything."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(100)\n")
    program = (
        "import sys\n"
        "from aethermodel.execute.forks import ForkServer\n"
        "print(flush=True)\n"
        "ForkServer(['slow'], {'PYTHONPATH': sys.argv[1]})\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        client.stdout.readline()
        me = psutil.Process(client.pid)
        assert until(me.children)
        below = me.children(recursive=True)
        time.sleep(seconds)
        client.kill()
    assert until(lambda: all(gone(process.pid) for process in below))
