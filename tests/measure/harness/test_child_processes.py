"""Processes at the other end: their death is told, and none outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from waiting import gone, until

from aethermodel.measure.harness.processes import child_processes as children
from aethermodel.measure.probes import PROBES
from aethermodel.measure.transports import TRANSPORTS
from aethermodel.processes import Child, ChildError, ending


def die(number):
    os.kill(os.getpid(), number)


def divide(by):
    return 1 / by


def test_a_call_in_a_fresh_process_gives_the_value_or_the_error(new_children):
    assert children.call(divide, 4) == 0.25
    with pytest.raises(ZeroDivisionError) as raised:
        children.call(divide, 0)
    assert "in divide" in raised.value.__notes__[0]
    assert not new_children()


def test_a_call_whose_process_is_killed_says_by_what():
    with pytest.raises(ChildError, match="ended by SIGKILL; is memory short"):
        children.call(die, signal.SIGKILL)
    assert ending(3) == "ended with status 3"


@pytest.mark.bench
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_producer_that_dies_ends_the_wait(transport, new_children):
    """A full /dev/shm kills by SIGBUS; the consumer used to wait for what never came."""
    probe = PROBES["crossing"]
    try:
        timed = probe.prepare(probe.settings(transport=transport, batch_size=100, topics=2))
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    (child,) = new_children()
    assert timed(2) > 0
    killer = threading.Timer(0.3, os.kill, (child.pid, signal.SIGBUS))
    killer.start()
    with pytest.raises(ChildError, match="the other process ended by SIGBUS; is /dev/shm full"):
        timed(10**9)
    killer.join()
    with pytest.raises(ChildError, match="SIGBUS"):
        timed(1)


def test_a_library_that_makes_an_error_of_its_own_of_a_death_does_not_hide_it():
    child = children.start(time.sleep, 0)
    died = pytest.raises(ChildError, match="the other process ended with status 0")
    with died, children.watched(child):
        try:
            time.sleep(120)
        except OSError:
            raise ValueError("while reading") from None


def test_what_fails_while_the_other_lives_stays_what_it_is():
    child = children.start(time.sleep, 120)
    try:
        with pytest.raises(ValueError, match="of its own"), children.watched(child):
            raise ValueError("of its own")
    finally:
        child.kill()
        child.join()


PARENT = """
import sys, time
from aethermodel.measure.harness.processes import child_processes as children
if __name__ == "__main__":
    fresh, warm = (children.start(time.sleep, 100, warm=warm) for warm in (False, True))
    print(fresh.pid, warm.pid, flush=True)
    time.sleep(100)
"""


def test_no_child_outlives_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        below = {process.pid for process in psutil.Process(parent.pid).children(recursive=True)}
        assert {*pids} <= below
        parent.kill()
    assert until(lambda: all(map(gone, below)))


def test_a_module_in_a_process_of_its_own_ends_with_the_block(tmp_path):
    with Child("this", stdout=subprocess.PIPE, text=True) as child:
        assert "Beautiful is better" in child.communicate()[0]
    with Child("http.server", "0", "--bind", "127.0.0.1", stderr=subprocess.DEVNULL) as child:
        assert child.poll() is None
    assert child.returncode == 128 + signal.SIGTERM or child.returncode == -signal.SIGTERM


def small_shm(command, megabytes=1):
    """Run a command where /dev/shm has so much room."""
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm && exec "$@"'
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(
    not shutil.which("unshare") or small_shm(["true"]).returncode != 0,
    reason="this host lets nobody mount in a namespace of their own",
)
def test_a_small_shm_is_one_line_and_no_wait(tmp_path):
    words = ["bench", "ring", "--batch-size", "50000", "--processes", "1", "--repeats", "1"]
    words += ["--sample-seconds", "0.001", "--handoffs", "100"]
    done = small_shm([sys.executable, "-m", "aethermodel", *words, "--json", str(tmp_path / "j")])
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("aethermodel: sampling process 0 failed: ") and "/dev/shm" in last
