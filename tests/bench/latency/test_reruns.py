"""A run that was disturbed runs again, and the least disturbed one counts, whatever it showed."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from aethermodel.bench.latency.load import Loaded
from aethermodel.bench.latency.reruns import least_disturbed, watched_run
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.steal_and_switches import Noise

CALM = (0.0, 0, 1.0)


class Scripted:
    """A pipeline whose runs were disturbed as the script says: stolen time, switches, core."""

    def __init__(self, script, always=0.0):
        self.script, self.number, self.always = script, count(), always
        self.cores_best = CoreCheck(1.0)

    disturbance = Loaded.disturbance

    def switched(self, switches, seconds):
        return switches > 2 * self.always * seconds

    def watch(self, seconds):
        return [SimpleNamespace(noise=Noise(0.0, 0, 0.0), seconds=seconds)]

    def run(self, due, rule=None):
        number = next(self.number)
        stolen, switches, core = self.script[number]
        noise = Noise(stolen, switches, 0.0)
        return SimpleNamespace(number=number, noise=noise, cores=CoreCheck(core), seconds=1.0)


@pytest.mark.parametrize(
    ("script", "runs", "kept"),
    [
        ([CALM], 1, 0),
        ([(0.01, 0, 1.0), CALM], 2, 1),
        ([(0.0, 0, 2.0), CALM], 2, 1),  # the kernel counted nothing; the core was shared
        ([(0.0, 3, 1.0), (0.0, 2, 1.0), (0.0, 5, 1.0)], 3, 1),
        # Preempted twice is less than a core that gives half all along.
        ([(0.0, 0, 2.0), (0.0, 2, 1.0), (0.0, 0, 2.0)], 3, 1),
    ],
)
def test_the_least_disturbed_counts(script, runs, kept):
    pipeline = Scripted(script)
    found = least_disturbed(pipeline, np.zeros(1), retries=2)
    assert (next(pipeline.number), found.run.number) == (runs, kept)
    assert len(found.every) == runs


def test_a_run_that_was_retried_is_not_forgotten():
    script = [(0.01, 0, 1.0), (0.0, 0, 2.0), CALM]
    pipeline = Scripted(script)
    found = watched_run(pipeline, np.zeros(1), retries=4)
    assert found.run.number == 2 and [run.number for run in found.every] == [0, 1, 2]


def test_what_always_preempts_here_is_no_disturbance():
    pipeline = Scripted([(0.0, 5, 1.0), CALM], always=3.0)
    assert least_disturbed(pipeline, np.zeros(1), retries=2).run.number == 0
    pipeline = Scripted([(0.0, 7, 1.0), (0.0, 4, 1.0)], always=3.0)
    assert least_disturbed(pipeline, np.zeros(1), retries=2).run.number == 1
