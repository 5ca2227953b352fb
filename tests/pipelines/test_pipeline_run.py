"""Running stages: rehearsal, resources, times isolated and in place, workers."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from aethermodel import Pipeline
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.execution.passes import ClockCost, Places
from aethermodel.pipelines.execution.rehearsal import rehearse
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.execution.stage_times import StageTimer
from aethermodel.pipelines.execution.whole_pipeline import Whole, cut
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.runtime.rehearsal_steps import rehearsed
from aethermodel.pipelines.runtime.runtime import Runtime

HEAD = """
import asyncio, os, time
from aethermodel import Pipeline
pipeline = Pipeline("p", timeout=TIMEOUT)
@pipeline.source
def source(n, rng):
    return list(range(n))
"""


def _file(tmp_path, body, timeout=20.0):
    path = tmp_path / "own.py"
    path.write_text(HEAD.replace("TIMEOUT", str(timeout)) + body)
    return str(path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "@pipeline.stage\ndef bad(batch):\n    if len(batch) > 5: raise OSError('disk')\n",
            "stage bad, N = 9: OSError: disk (line 10)",
        ),
        (
            "@pipeline.stage\ndef few(batch): return batch[:4]\n",
            "stage few, N = 9: it returned too few records, 4 of 9",
        ),
        (
            "@pipeline.stage\ndef fine(b): return (x for x in b)\n"
            "@pipeline.stage(runs_in='process')\ndef far(b): ...\n",
            "stage fine, N = 3: its batch cannot be pickled for a process",
        ),
        (
            "@pipeline.stage\ndef gone(b): os._exit(7)\n",
            "stage gone, N = 3: its process ended with status 7",
        ),
        (
            "@pipeline.resource\ndef wire(): raise OSError('refused')\n"
            "@pipeline.stage\ndef a(b, wire): ...\n",
            "resource wire: OSError: refused",
        ),
    ],
)
def test_a_rehearsal_names_stage_and_size(tmp_path, body, said):
    if "os._exit" in body:
        assert said in rehearse(_file(tmp_path, body), [3, 9], 20.0).failure
        return
    with pytest.raises(InputError) as refused:
        load_pipeline(_file(tmp_path, body)).rehearse(3, 9)
    assert said in str(refused.value)


def test_sizes_that_went_well_are_known_before_one_that_did_not(tmp_path):
    body = "@pipeline.stage\ndef bad(batch):\n    if len(batch) > 5: raise OSError('disk')\n"
    assert list(rehearse(_file(tmp_path, body), [1, 3, 9], 20.0).seconds) == [1, 3]


def test_a_stage_that_does_not_come_back_is_ended(tmp_path):
    body = "@pipeline.stage\nasync def stuck(batch): time.sleep(600)\n"
    found = rehearse(_file(tmp_path, body), [3], 0.5)
    assert "stage stuck, N = 3: took longer than 0.5 s for one batch" in found.failure


def test_a_stage_that_holds_the_event_loop_is_noted_in_a_line_of_all_sizes(tmp_path):
    body = (
        "@pipeline.stage\nasync def holds(batch): time.sleep(0.2)\n"
        "@pipeline.stage\nasync def waits(batch): await asyncio.sleep(0.2)\n"
    )
    (note,) = rehearse(_file(tmp_path, body), [3, 5, 9], 20.0).notes
    assert note.startswith("stage holds, N = ") and "it held the event loop for 0." in note
    assert ", and at 2 other sizes; nothing else" in note


def test_a_source_of_another_count_is_refused(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "from aethermodel import Pipeline\npipeline = Pipeline('p')\n"
        "@pipeline.source\ndef s(n, rng): return [0] * (n + 1)\n"
        "@pipeline.stage\ndef a(batch): ...\n"
    )
    with pytest.raises(InputError, match="stage source, N = 4: it made 5 records"):
        load_pipeline(str(path)).rehearse(4)


def test_a_filter_may_change_the_size_and_what_it_passes_on_is_known(tmp_path):
    body = "@pipeline.stage(changes_size=True)\ndef half(batch): return batch[::2]\n"
    (*_, last) = rehearsed(load_pipeline(_file(tmp_path, body)), [8])
    assert last["passed"] == {"half": 0.5}


def _pipeline(*stages, source=lambda n, rng: list(range(n))):
    pipeline = Pipeline("p")
    pipeline.source(source)
    for name, stage in stages:
        pipeline.stage(name=name)(stage)
    return pipeline


def test_resources_are_opened_once_given_by_name_and_closed():
    told = []
    pipeline = _pipeline()

    @pipeline.resource
    def wire():
        told.append("open")
        yield "wire"
        told.append("closed")

    @pipeline.resource
    async def session():
        told.append(asyncio.get_running_loop() is not None)
        yield "session"
        await asyncio.sleep(0)
        told.append("ended")

    @pipeline.stage
    def sync(batch, wire):
        return [wire, *batch]

    @pipeline.stage
    async def waiting(batch, session, wire):
        await asyncio.sleep(0)
        return [session, *batch]

    runtime = Runtime(pipeline, pipeline.own)
    assert runtime.step(1, runtime.step(0, [1])) == ["session", "wire", 1]
    runtime.close()
    runtime.close()
    assert told == ["open", True, "ended", "closed"]


def test_a_stage_that_leaves_its_batch_gets_the_same_few_in_turn():
    made = []
    inputs = Inputs(lambda seed: made.append(seed) or [seed], lambda batch: None, pool=3)
    assert [batch[0] for batch in inputs.take(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert made == [0, 1, 2]


@pytest.mark.parametrize("use", [list.sort, lambda batch: batch.pop()])
def test_a_stage_that_changes_its_batch_gets_a_new_one_each_time(use):
    inputs = Inputs(lambda seed: [3, 2, 1], use, pool=3)
    taken = inputs.take(5)
    assert inputs.used_up
    assert len({id(batch) for batch in taken}) == 5 and taken == [[3, 2, 1]] * 5


def test_generators_are_used_up():
    inputs = Inputs(lambda seed: (x for x in range(3)), lambda batch: None, pool=3)
    assert inputs.used_up and [list(batch) for batch in inputs.take(2)] == [[0, 1, 2]] * 2


def test_a_stage_is_timed_on_the_batches_that_it_would_get():
    seen = []
    pipeline = _pipeline(
        ("double", lambda batch: batch * 2), ("look", lambda batch: seen.append(len(batch)))
    )
    timer = StageTimer(Runtime(pipeline, pipeline.own), "look", 5)
    assert timer(3) > 0 and set(seen) == {10}
    assert timer.figures((0,))["cpu"] >= 0


def test_a_stage_that_waits_is_timed_with_its_waiting():
    async def nap(batch):
        await asyncio.sleep(0.01)

    pipeline = _pipeline(("nap", nap))
    timer = StageTimer(Runtime(pipeline, pipeline.own), "nap", 5)
    assert timer(3) > 0.015  # a loop may wake a little early; without waiting it is microseconds
    assert timer.figures((0,))["cpu"] < 0.01


@pytest.mark.parametrize("waits", [False, True])
def test_each_stage_is_timed_in_place_its_waiting_included(waits):
    def short(batch):
        time.sleep(0.004)

    def long(batch):
        time.sleep(0.012)
        return [0]

    async def end(batch):
        await asyncio.sleep(0.002)

    stages = [("short", short), ("long", long)] + [("end", end)] * waits
    whole = Whole(_pipeline(*stages))
    timer = whole.timer(5, timed=True)
    each = max(one.seconds for one in timer.slices(4))
    found = timer.figures(range(4))
    terms, clocks = (["end", "loop"], ["clock_loop"]) if waits else ([], [])
    assert list(found) == ["short", "long", *terms, "clock", *clocks]
    assert found["short"] >= 0.0039 and found["long"] >= 0.0119
    # What the clock's stamps leave out is small: no wait is lost.
    assert sum(found.values()) <= each * 1.5
    assert timer.figures(()) == {}
    whole.close()


def test_the_clock_at_the_turn_of_the_loop_is_taken_off():
    places = Places()
    places.note([0.0, 1.0, 1.5, 1.5], turn=2.0)
    found = places.seconds(["a"], ClockCost(0.25, 0.125), loop=True, robust=False)
    assert found == {"a": 0.625, "loop": 1.875}


def test_giving_back_what_a_stage_made_is_that_stages_time():
    class Slow:
        def __del__(self):
            time.sleep(0.01)

    whole = Whole(_pipeline(("make", lambda batch: [Slow()]), ("drop", lambda batch: [0])))
    timer = whole.timer(5, timed=True)
    timer.slices(3)
    found = timer.figures((0,))
    assert found["make"] >= 0.0099 and found["drop"] < found["make"]
    whole.close()


def test_a_whole_that_fails_names_its_stage():
    def bad(batch):
        raise KeyError("x")

    whole = Whole(_pipeline(("fine", lambda batch: batch), ("bad", bad)))
    with pytest.raises(InputError, match="stage bad, N = 5: KeyError"):
        whole.timer(5, timed=False)
    whole.close()


WORKERS = """
seen = []
@pipeline.stage
def first(batch):
    return [x + 1 for x in batch]
@pipeline.stage(runs_in="process", workers=2)
def second(batch):
    return [2 * x for x in batch]
@pipeline.stage(runs_in="thread")
async def third(batch):
    await asyncio.sleep(0)
    seen.append(batch)
"""


def test_batches_go_through_processes_and_threads_in_order(tmp_path):
    pipeline = load_pipeline(_file(tmp_path, WORKERS))
    whole = Whole(pipeline)
    try:
        timer = whole.timer(3, timed=True)
        assert timer(10) > 0
        seen = pipeline.stage_named("third").function.__globals__["seen"]
        assert len(seen) >= 10 and all(batch == [2, 4, 6] for batch in seen)
        terms = {"first", "second", "third", "loop"}
        assert set(timer.figures(())) == {*terms, "clock", "clock_loop"}
    finally:
        whole.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "@pipeline.stage(runs_in='process')\ndef bad(batch): raise KeyError('x')\n"
            "@pipeline.stage(runs_in='thread')\ndef after(batch): ...\n",
            "stage bad, N = 3: KeyError: 'x'",
        ),
        (
            "@pipeline.stage(runs_in='process')\ndef gone(batch): os._exit(3)\n",
            "stage gone: its process has ended",
        ),
        (
            "@pipeline.stage\ndef a(batch): raise KeyError('x')\n"
            "@pipeline.stage(runs_in='thread')\ndef after(batch): ...\n",
            "stage a, N = 3: KeyError: 'x'",
        ),
    ],
)
def test_a_worker_that_fails_ends_the_run_and_names_its_stage(tmp_path, body, said):
    whole = Whole(load_pipeline(_file(tmp_path, body)))
    try:
        with pytest.raises(InputError, match=said):
            whole.timer(3, timed=False)(5)
    finally:
        whole.close()


def test_a_stream_is_cut_from_batch_done_to_batch_done():
    done = (np.arange(11) * 400_000).tolist()  # ns
    slices = cut(done, 1e-5, 1e-3)
    assert [one.loops for one in slices] == [3, 3, 4]
    assert sum(one.seconds for one in slices) == pytest.approx(4e-3)
    assert [one.loops for one in cut(done, 1e-5, float("inf"))] == [10]
