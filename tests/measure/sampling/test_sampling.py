"""Sampling: fresh processes, random order, every asked-for sample there, errors told."""

import pytest
from pydantic import ValidationError

from aethermodel.measure.probes import PROBES
from aethermodel.measure.sampling.sampler import Plan, Point, SamplingError, take_samples
from aethermodel.measure.sampling.worker import on_one_core

# These have other settings, or need a device.
OTHERWISE = {"call", "dispatch", "singly", "verbs", "stage"}
QUICK = {"processes": 2, "repeats": 2, "sample_seconds": 0.0002}


def small(probe, **settings):
    return Point(probe=probe, settings={"batch_size": 50, "topics": 4, "pool": 2, **settings})


def test_every_probe_gives_every_sample_that_the_plan_asks_for():
    more = {
        "loop": {"calls": 3},
        "bus_loop": {"calls": 3},
        "pipeline": {"calls": 4},
        "peer_route": {"peer": "numpy"},
        "crossing": {"transport": "ring"},
    }
    points = tuple(small(name, **more.get(name, {})) for name in PROBES if name not in OTHERWISE)
    points += (Point(probe="call", settings={"border": "cython"}), Point(probe="singly"))
    points += (Point(probe="dispatch"),)
    seen = []
    plan = Plan(points=points, **QUICK | {"processes": 1})
    samples = take_samples(plan, lambda *done: seen.append(done))
    final = samples[samples["final"]]
    assert len(final) == len(points) * 2
    counts = final.groupby(["probe", "process", "repeat"]).size()
    assert (counts == 1).all()
    assert (samples["seconds"] > 0).all()
    assert (samples["clock_ns"] > 0).all()
    assert seen[-1] == (len(final), len(final))
    assert samples["host"].nunique() == 1


def test_each_process_has_its_own_order_and_a_seed_repeats_it():
    points = tuple(small("ffi", batch_size=n) for n in range(1, 9))
    plan = Plan(points=points, processes=2, repeats=1, sample_seconds=0.0001, retries=0, seed=3)

    def orders():
        samples = take_samples(plan)
        return [
            g.sort_values("order")["batch_size"].tolist() for _, g in samples.groupby("process")
        ]

    first, second = orders()
    assert first != second
    assert sorted(first) == sorted(second) == list(range(1, 9))
    assert orders() == [first, second]


def test_a_disturbed_sample_is_marked_and_taken_again():
    plan = Plan(points=(small("ffi"),), processes=1, repeats=3, sample_seconds=0.0001, retries=2)
    samples = take_samples(plan)
    for _, tries in samples.groupby("repeat"):
        assert tries["final"].sum() == 1
        assert tries["final"].iloc[-1]
        assert tries["noisy"].iloc[:-1].all()
        assert len(tries) <= 3


@pytest.mark.parametrize(
    ("probe", "settings", "message"),
    [
        ("warp", {}, "no probe 'warp'"),
        ("ffi", {"batch_sise": 3}, "Extra inputs"),
        ("ffi", {"batch_size": 0}, "greater than or equal to 1"),
        ("kernel", {"topics": 70_000}, "less than or equal to 65536"),
        ("loop", {"event_loop": "trio"}, "'asyncio' or 'uvloop'"),
        ("loop", {"calls": 17, "topics": 16}, "there are 16"),
        ("pipeline", {"calls": 17, "topics": 16}, "17 handlers need"),
    ],
)
def test_a_bad_point_is_refused_when_it_is_made(probe, settings, message):
    with pytest.raises(ValidationError, match=message):
        Point(probe=probe, settings=settings)


def test_a_plan_without_points_is_refused():
    with pytest.raises(ValidationError):
        Plan(points=())


def test_a_sampling_process_that_fails_says_why(monkeypatch):
    """The plan is changed on its way, as a defect would: the process must not fail silently."""
    plan = Plan(points=(small("ffi"),), processes=1, repeats=1)
    broken = plan.model_copy(
        update={"points": (plan.points[0].model_copy(update={"probe": "nothing"}),)}
    )
    with pytest.raises(SamplingError, match="sampling process 0 failed"):
        take_samples(broken)


def test_a_process_that_gives_no_sample_for_too_long_is_ended(tmp_path):
    own = tmp_path / "stuck.py"
    own.write_text(
        "import time\nfrom aethermodel import Pipeline\npipeline = Pipeline('stuck')\n"
        "@pipeline.source\ndef s(n, rng): return [0] * n\n"
        "@pipeline.stage(changes_size=True)\ndef a(b): time.sleep(600)\n"
    )
    settings = {"pipeline": f"{own}:pipeline", "term": "a", "batch_size": 5}
    plan = Plan(points=(Point(probe="stage", settings=settings),), **QUICK)
    with pytest.raises(SamplingError, match="did not come back within 2 s") as error:
        take_samples(plan, silence=2.0)
    assert len(error.value.samples) == 0


@pytest.mark.parametrize(
    ("cores", "queued", "shared"),
    [([0, 1], 0.2, True), ([0, 1], 0.05, False), ([0], 0.9, False)],
)
def test_two_processes_on_one_core_are_told_where_they_had_a_choice(
    monkeypatch, cores, queued, shared
):
    monkeypatch.setattr("aethermodel.measure.sampling.worker.usable_cores", lambda: cores)
    assert on_one_core(queued, 1.0) == shared
