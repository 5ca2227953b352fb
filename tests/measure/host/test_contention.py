"""Core contention at the moment, and that looking changes nothing about it."""

import os
from math import isnan, nan
from threading import Thread, active_count
from time import process_time

import pytest
from waiting import until

from aethermodel import thresholds
from aethermodel.measure.host.contention import CoreCheck, busy_core, glance
from aethermodel.measure.sampling.sampler import Point
from aethermodel.measure.sampling.worker import way_of
from cython_core.probes.core_to_core import Bounce

CORES = len(os.sched_getaffinity(0))
TWO = CORES == 2


def test_looking_leaves_the_cores_as_they_were():
    before = os.sched_getaffinity(0)
    looks = []

    def seen():  # where others have the cores, most of a look's games fail
        looks.append(CoreCheck.now(both=True, crossing=True))
        return looks[-1].trip_seconds > 0 or not TWO

    assert until(seen)
    assert looks[-1].core_seconds > 0
    assert TWO or isnan(looks[-1].trip_seconds)
    assert os.sched_getaffinity(0) == before


def test_on_one_core_there_is_no_way_to_another():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert isnan(CoreCheck.now(crossing=True).trip_seconds)
    finally:
        os.sched_setaffinity(0, before)


def test_company_keeps_one_more_core_busy_for_as_long_as_it_lasts():
    threads, before = active_count(), process_time()
    with busy_core():
        assert active_count() == threads + (CORES > 1)
        # This thread sleeps meanwhile.
        assert CORES == 1 or until(lambda: process_time() - before > 0.05)
    assert active_count() == threads


def test_company_goes_when_what_it_kept_fails():
    threads = active_count()
    with pytest.raises(RuntimeError, match="mine"), busy_core():
        raise RuntimeError("mine")
    assert active_count() == threads


@pytest.mark.parametrize(
    ("probe", "settings", "crosses"),
    [
        ("kernel", {}, False),
        ("pipeline", {}, False),
        ("pipeline", {"fabric": "shm"}, True),
        ("fabric", {"fabric": "shm"}, True),
        ("send", {"fabric": "tcp"}, True),
    ],
)
def test_what_crosses_looks_at_the_way(probe, settings, crosses):
    point = Point(probe=probe, settings=settings)
    # On a busy host a look may find none of its games undisturbed, and says nan.
    looks = [way_of(point)]
    if crosses and TWO:
        until(lambda: not isnan(looks[-1].trip_seconds) or looks.append(way_of(point)))
    assert isnan(looks[-1].trip_seconds) != (crosses and TWO)
    assert all(isnan(look.core_seconds) for look in looks)


def test_a_glance_says_what_a_look_does():
    """The least of many: neither counts the turns wrongly, whatever else runs here."""
    least = min(glance() for _ in range(300))
    assert 0.5 < least / min(CoreCheck.now().core_seconds for _ in range(100)) < 2


@pytest.mark.parametrize(
    ("now", "calm"),
    [
        (CoreCheck(1.0, 100.0), True),
        (CoreCheck(thresholds.SHARED_CORE, 100.0), True),
        (CoreCheck(1.01 * thresholds.SHARED_CORE, 100.0), False),
        (CoreCheck(1.0, thresholds.CORES_APART * 100.0), True),
        (CoreCheck(1.0, 1.01 * thresholds.CORES_APART * 100.0), False),
        (CoreCheck(1.0, nan), True),
        (CoreCheck(nan, nan), True),
    ],
)
def test_calm_is_near_the_best(now, calm):
    assert now.calm(CoreCheck(1.0, 100.0)) is calm
    assert now.calm(CoreCheck())  # nothing is known yet


def test_worst_and_best_are_of_each_figure_that_is_known():
    one, other = CoreCheck(1.0, nan), CoreCheck(2.0, 5.0)
    assert one.worst(other) == CoreCheck(2.0, 5.0)
    assert one.best(other) == CoreCheck(1.0, 5.0)
    assert all(isnan(figure) for figure in CoreCheck().best(CoreCheck()))


def test_a_line_goes_to_and_fro():
    game, answers = Bounce(), []
    thread = Thread(target=lambda: answers.append(game.play(False, 50, 10_000_000_000)))
    thread.start()
    assert game.play(True, 50, 10_000_000_000) > 0
    thread.join()
    assert answers[0] > 0


@pytest.mark.parametrize("begins", [True, False])
def test_who_is_left_alone_gives_up(begins):
    assert Bounce().play(begins, 2, 1_000_000) == -1


@pytest.mark.parametrize("given", [(1, 1), (0, 1), (2, 0), (2, -1)])
def test_a_game_of_nothing_is_refused(given):
    with pytest.raises(ValueError, match=r"round trips|patience"):
        Bounce().play(True, *given)
