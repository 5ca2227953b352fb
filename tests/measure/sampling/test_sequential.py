"""Samples go where the processes differ, the budget is kept, and every point is sampled once."""

from collections import Counter
from time import monotonic

import pytest

from aethermodel import thresholds
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.sampling import sequential
from aethermodel.measure.sampling.sampler import Plan, Point
from aethermodel.measure.sampling.sequential import sample_sequentially

STEADY = Point(probe="ffi", settings={"batch_size": 1})
RESTLESS = Point(probe="ffi", settings={"batch_size": 2})
WHOLE = Point(probe="ffi", settings={"batch_size": 3})


def plan(*points, processes=6, repeats=2):
    return Plan(points=points, processes=processes, repeats=repeats, sample_seconds=0.0001)


@pytest.fixture
def host(monkeypatch):
    """A host whose points take what they are told: the processes of one differ by a tenth."""
    import pandas as pd

    taken = []

    def take_samples(one, progress=None, *, deadline, best, silence=None):
        process = one.seed
        taken.append((tuple(one.points), deadline))
        rows = [
            {
                "point": at,
                "batch_size": point.settings["batch_size"],
                "seconds": 1e-6
                * (1 + (0.1 * process if point == RESTLESS else 0.01 * (process % 2))),
                "repeat": repeat,
                "process": 0,
                "final": True,
                "core_seconds": 1.0,
                "trip_seconds": 1.0,
            }
            for at, point in enumerate(one.points)
            for repeat in range(one.repeats)
        ]
        for done in range(len(rows)):
            progress and progress(done + 1, len(rows))
        return pd.DataFrame(rows)

    monkeypatch.setattr(sequential, "take_samples", take_samples)
    return taken


def test_only_points_whose_processes_differ_are_sampled_on(host):
    samples = sample_sequentially(plan(STEADY, RESTLESS, WHOLE), 1e6, throughout=WHOLE.__eq__)
    processes = samples.groupby("batch_size")["process"].nunique().to_dict()
    assert processes == {1: thresholds.FEWEST_PROCESSES, 2: 6, 3: 6}
    assert samples.groupby("batch_size")["point"].unique().map(list).to_dict() == {
        1: [0],
        2: [1],
        3: [2],
    }
    counts = Counter(zip(samples["point"], samples["process"], strict=True))
    assert set(counts.values()) == {2}


def test_it_ends_where_nothing_is_left_to_tell(host):
    seen = []
    samples = sample_sequentially(plan(STEADY), 1e6, lambda *done: seen.append(done))
    assert samples["process"].nunique() == len(host) == thresholds.FEWEST_PROCESSES
    assert [done for done, _ in seen] == list(range(1, 2 * thresholds.FEWEST_PROCESSES + 1))
    assert all(done <= total for done, total in seen)


def test_without_time_every_point_is_still_sampled_in_one_process(host):
    samples = sample_sequentially(plan(STEADY, RESTLESS), 1e-9)
    assert (len(host), set(samples["point"])) == (1, {0, 1})
    assert host[0][1] == float("inf")


def test_a_budget_is_kept_by_real_probes():
    began = monotonic()
    sample_sequentially(plan(STEADY, RESTLESS, processes=100, repeats=100), 0.5)
    first = monotonic() - began  # whatever one process takes here
    samples = sample_sequentially(plan(STEADY, RESTLESS, processes=100, repeats=100), 2 * first)
    assert samples["process"].nunique() < 100


def test_the_default_budgets_are_what_the_commands_promise():
    assert thresholds.VALIDATION_SECONDS <= 120
    assert thresholds.PIPELINE_SECONDS <= 180
    assert 0 < thresholds.TERMS_SHARE <= 0.5
    assert thresholds.NARROW < 0.05  # what the model may be off by


@pytest.mark.parametrize("fabric", ["loopback", "shm", "tcp"])
def test_the_samples_of_a_trial_are_at_most_so_many(fabric):
    """A quiet host's own processes agree: then the terms are sampled in three, the whole in all."""
    campaign = Campaign(fabric=fabric)
    plan = campaign.plan()
    whole = sum(point.probe == "pipeline" for point in plan.points)
    terms = len(plan.points) - whole
    least = campaign.repeats * (thresholds.FEWEST_PROCESSES * terms + plan.processes * whole)
    # Before, each point was sampled four times in each of eight processes.
    assert least <= 0.25 * 4 * 8 * len(plan.points)


@pytest.mark.parametrize(("fill", "restless"), [(True, 3), (False, 2)])
def test_time_that_is_left_goes_to_what_differs_most_where_asked(host, monkeypatch, fill, restless):
    now, take = [0.0], sequential.take_samples

    def taking_a_second_a_point(one, *rest, **settings):
        now[0] += len(one.points)
        return take(one, *rest, **settings)

    monkeypatch.setattr(sequential, "monotonic", lambda: now[0])
    monkeypatch.setattr(sequential, "take_samples", taking_a_second_a_point)
    # After what is kept 7.2 s: two processes of three points, and one point more.
    samples = sample_sequentially(plan(STEADY, RESTLESS, WHOLE), 8.0, fill=fill)
    processes = samples.groupby("batch_size")["process"].nunique().to_dict()
    assert processes == {1: 2, 2: restless, 3: 2}
