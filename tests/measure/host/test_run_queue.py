"""Run queue: who shares a core waits for it."""

import os
from contextlib import closing
from threading import Thread

import pytest
from waiting import until

from aethermodel.measure.host.run_queue import RunQueue
from cython_core.probes.core_to_core import Bounce

LONG_NS = 600_000_000_000


def test_a_thread_that_shares_its_core_waits_for_it():
    allowed, game = os.sched_getaffinity(0), Bounce()
    core = {min(allowed)}

    def spin():
        os.sched_setaffinity(0, core)
        game.play(False, 2, LONG_NS)  # without the interpreter's lock

    with closing(RunQueue()) as queue:
        if not queue.counted:
            pytest.skip("this kernel counts no waits for a core")
        other = Thread(target=spin)
        try:
            os.sched_setaffinity(0, core)
            before = queue.waited()
            other.start()
            assert until(lambda: queue.waited() > before)
        finally:
            os.sched_setaffinity(0, allowed)
            game.play(True, 2, LONG_NS)
            other.join()
