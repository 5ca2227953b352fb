"""Rounds: a stage timed by itself while the others of its thread run outside the clock."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from aethermodel import Pipeline
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.execution.probe import Host
from aethermodel.pipelines.execution.whole_pipeline import Whole
from aethermodel.pipelines.pipeline_file import load_pipeline

LONG, SHORT = 0.3, 0.1


@pytest.fixture
def spend(monkeypatch):
    """Return what lets time pass: the clock of the rounds stands still by itself."""
    now = [0.0]
    monkeypatch.setattr("aethermodel.pipelines.execution.rounds.perf_counter", lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


def _pipeline(*stages):
    pipeline = Pipeline("p", pool=2)
    pipeline.source(lambda n, rng: list(range(n)))
    for name, stage in stages:
        pipeline.stage(name=name)(stage)
    return pipeline


def _seconds(pipeline, term, rounds=2):
    host = Host(pipeline)
    try:
        slices = host.timer(term, 3).slices(rounds)
        return sum(one.seconds for one in slices) / sum(one.loops for one in slices)
    finally:
        host.close()


def test_the_other_stages_run_between_in_their_order_and_do_not_count(spend):
    seen = []

    def before(batch):
        seen.append(("before", batch))
        spend(LONG)
        return [-x for x in batch]

    def middle(batch):
        seen.append(("middle", batch))
        spend(SHORT)

    def after(batch):
        seen.append(("after", batch))
        spend(LONG)

    stages = [("before", before), ("middle", middle), ("after", after)]
    assert _seconds(_pipeline(*stages), "middle") == pytest.approx(SHORT)
    assert [name for name, _ in seen[-6:]] == ["before", "middle", "after"] * 2
    # It gets what the stage before it has just made, and passes it on.
    assert seen[-2:] == [("middle", [0, -1, -2]), ("after", [0, -1, -2])]


@pytest.mark.parametrize("term", ["serve", "quick", "loop", "whole", "timed", "alone"])
@pytest.mark.parametrize("used_up", [False, True])
def test_what_the_loop_serves_beside_the_stages_gets_no_turn_outside_a_sample(term, used_up):
    """A server reads on in each turn: one that is not counted is work that nobody paid for."""
    turns, seen = [0], []
    pipeline = Pipeline("p", pool=2)
    pipeline.source(
        lambda n, rng: (x for x in range(n)) if used_up else list(range(n)), size=lambda _: 3
    )

    @pipeline.resource
    async def beside():
        async def serve_on():
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(serve_on())
        yield task
        task.cancel()

    @pipeline.stage
    async def serve(batch, beside):
        seen.append(turns[0])
        await asyncio.sleep(0)

    pipeline.stage(name="quick")(lambda batch: None)
    host = Host(pipeline)
    try:
        timer = host.alone("serve", 3) if term == "alone" else host.timer(term, 3)
        seen.clear()
        slices = timer.slices(16)
        assert [one.loops for one in slices] == [2] * 8
    finally:
        host.close()
    # Two of the slice that goes first, and as many turns from each batch to the next.
    assert len(seen) == 18
    each = {after - before for before, after in pairwise(seen)}
    assert each == {1 if term == "alone" else 2}


@pytest.mark.parametrize("term", ["use", "whole", "alone"])
def test_a_source_that_fails_once_batches_are_timed_is_named(term):
    made = []
    pipeline = Pipeline("p", pool=2)

    @pipeline.source(size=lambda _: 3)
    def source(n, rng):
        made.append(n)
        if len(made) > limit:
            raise KeyError("gone")
        return (x for x in range(n))

    pipeline.stage(name="use")(lambda batch: None)
    limit = 1 << 20
    host = Host(pipeline)
    try:
        timer = host.alone("use", 3) if term == "alone" else host.timer(term, 3)
        limit = len(made)
        with pytest.raises(InputError, match="stage source, N = 3: KeyError: 'gone'"):
            timer.slices(16)
    finally:
        host.close()


def test_what_a_stage_made_is_given_back_in_its_own_time_once(spend):
    class Slow:
        def __del__(self):
            spend(SHORT)

    pipeline = _pipeline(
        ("make", lambda batch: [Slow()]), ("look", lambda batch: None), ("drop", lambda batch: [0])
    )
    assert _seconds(pipeline, "make", 4) == pytest.approx(SHORT)
    assert _seconds(pipeline, "look", 4) == pytest.approx(0, abs=1e-8)
    assert _seconds(pipeline, "drop", 4) == pytest.approx(0, abs=1e-8)


def test_the_turn_of_the_loop_is_timed_with_what_the_stages_left_for_it(spend):
    async def leaves(batch):
        asyncio.get_running_loop().call_soon(spend, SHORT)

    pipeline = _pipeline(("leaves", leaves), ("sync", lambda batch: spend(LONG)))
    assert _seconds(pipeline, "loop") == pytest.approx(SHORT)
    assert _seconds(pipeline, "leaves") == pytest.approx(0, abs=1e-8)
    with pytest.raises(InputError, match="no stage of it is a coroutine"):
        _seconds(_pipeline(("sync", lambda batch: None)), "loop")


@pytest.mark.parametrize("term", ["first", "second"])
def test_a_stage_that_fails_between_is_named(term):
    def second(batch):
        calls.append(1)
        if len(calls) > 2:
            raise OSError("gone")

    calls = []
    pipeline = _pipeline(("first", lambda batch: [*batch]), ("second", second))
    with pytest.raises(InputError, match="stage second, N = 3: OSError: gone"):
        _seconds(pipeline, term, 4)


def test_a_stage_in_a_process_gets_a_batch_that_was_just_received(tmp_path):
    (tmp_path / "own.py").write_text(
        "from aethermodel import Pipeline\npipeline = Pipeline('p', pool=1)\nseen = []\n"
        "@pipeline.source\ndef source(n, rng): return list(range(n))\n"
        "@pipeline.stage\ndef first(batch): return [x + 1 for x in batch]\n"
        "@pipeline.stage(runs_in='process')\ndef second(batch): seen.append(batch)\n"
    )
    pipeline = load_pipeline(str(tmp_path / "own.py"))
    _seconds(pipeline, "second", 3)
    seen = pipeline.stage_named("second").function.__globals__["seen"][-3:]
    assert seen == [[1, 2, 3]] * 3 and len({id(batch) for batch in seen}) == 3


def test_a_round_ends_with_pickling_where_a_process_follows(tmp_path):
    (tmp_path / "own.py").write_text(
        "from aethermodel import Pipeline\npipeline = Pipeline('p', pool=1)\npickled = []\n"
        "class Batch(list):\n"
        "    def __reduce__(self): pickled.append(1); return Batch, (list(self),)\n"
        "@pipeline.source\ndef source(n, rng): return list(range(n))\n"
        "@pipeline.stage\ndef first(batch): return Batch(batch)\n"
        "@pipeline.stage(runs_in='process')\ndef second(batch): return batch\n"
    )
    pipeline = load_pipeline(str(tmp_path / "own.py"))
    pickled = pipeline.stage_named("first").function.__globals__["pickled"]
    host = Host(pipeline)
    try:
        timer = host.timer("first", 3)
        before = len(pickled)
        timer(3)
        assert len(pickled) - before == 3
    finally:
        host.close()


def test_a_loop_that_only_a_resource_uses_has_no_turn_between_batches():
    pipeline = _pipeline()

    @pipeline.resource
    async def wire():
        return "wire"

    @pipeline.stage
    def use(batch, wire): ...

    whole = Whole(pipeline)
    try:
        timer = whole.timer(3, timed=True)
        timer.slices(2)
        assert set(timer.figures((0,))) == {"use", "clock"}
    finally:
        whole.close()
