"""Waits for a core, as the kernel counts them."""

import os
import subprocess
import sys
from time import perf_counter

import pytest

from aethermodel.measure.host.core_losses import CoreLosses, beyond_usual
from aethermodel.measure.host.run_queue import RunQueue, descendants

SPIN = (
    "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile 1: pass"
)

# A kernel that does not count is a reason to skip, and never on the host that judges a change.
pytestmark = pytest.mark.run_queue


@pytest.fixture
def counted():
    queue = RunQueue()
    if not queue.counted:
        pytest.skip("the kernel does not count waits for a core (CONFIG_SCHED_INFO)")
    return queue


def test_who_shares_a_core_waits_for_it(counted):
    allowed = os.sched_getaffinity(0)
    core = min(allowed)
    with subprocess.Popen([sys.executable, "-c", SPIN, str(core)], stdout=subprocess.PIPE) as other:
        try:
            other.stdout.readline()
            theirs = RunQueue([other.pid])
            os.sched_setaffinity(0, {core})
            losses, before, until = CoreLosses(counted), theirs.waited(), perf_counter() + 60
            rounds = 0
            while perf_counter() < until and (rounds < 100 or not losses.lost().max() > 1e-3):
                losses.begin()
                for _ in range(100_000):
                    pass
                losses.end()
                rounds += 1
            assert losses.lost().max() > 1e-3
            assert losses.lost().size == rounds
            assert theirs.waited() > before
        finally:
            os.sched_setaffinity(0, allowed)
            other.kill()
    last = theirs.waited()
    assert theirs.waited() == last  # it has ended


def test_a_process_that_is_not_there_does_not_count():
    before = RunQueue().counted
    assert RunQueue([2**22 + 1]).counted == before


def test_a_closed_one_counts_nothing(counted):
    counted.close()
    counted.close()
    assert counted.waited() == 0


def test_children_of_children_are_found():
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)\n"
        "print(child.pid, flush=True)\nchild.wait()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as child:
        grandchild = int(child.stdout.readline())
        assert {child.pid, grandchild} <= set(descendants(os.getpid()))
        assert descendants(child.pid) == [grandchild]
        child.stdin.close()


def test_who_always_waits_lost_only_what_is_more():
    import numpy as np

    lost = beyond_usual(np.array([3e-6] * 9 + [1e-3]))
    assert lost == pytest.approx([0] * 9 + [1e-3 - 3e-6])
    assert beyond_usual(np.zeros(0)).size == 0
