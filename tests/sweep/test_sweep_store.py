"""The store: keys, whole files, what counts as finished, tables."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.sweep.identity import Conditions, conditions_of, identity
from aethermodel.sweep.parquet_tables import write_tables
from aethermodel.sweep.plan import Job, Sweep
from aethermodel.sweep.store import Record, Store, finished
from aethermodel.sweep.target import Outcome

SWEEP = Sweep(probe="kernel", parameters={"batch_size": [1, 2, 3]}, repeats=2)
HERE = Conditions(code="c", extensions="e", host="h", environment="v")
LEVELS = ("params", "code", "strict")

jobs = st.builds(
    Job,
    parameters=st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.one_of(st.integers(0, 3), st.text("xy1", max_size=2), st.none(), st.booleans()),
    ),
    repeat=st.integers(0, 2),
    order=st.integers(0, 9),
)
conditions = st.builds(Conditions, **dict.fromkeys(Conditions.model_fields, st.sampled_from("pq")))


@given(jobs, jobs, conditions, conditions, st.sampled_from(LEVELS))
def test_two_runs_are_the_same_exactly_if_what_is_compared_is(one, two, here, there, reuse):
    def compared(job, conditions):
        # By their text: in Python, 1 == True.
        parts = [json.dumps(job.parameters, sort_keys=True), job.repeat]
        parts += [conditions.code, conditions.extensions] if reuse != "params" else []
        parts += [conditions.host, conditions.environment] if reuse == "strict" else []
        return parts

    same = identity(SWEEP, one, here, reuse) == identity(SWEEP, two, there, reuse)
    assert same == (compared(one, here) == compared(two, there))


def test_how_a_probe_is_sampled_is_part_of_the_key_and_how_the_sweep_runs_is_not():
    job = SWEEP.jobs()[0]
    key = identity(SWEEP, job, HERE)
    for other in ({"samples": 9}, {"sample_seconds": 0.01}):
        assert identity(SWEEP.model_copy(update=other), job, HERE) != key
    for other in ({"seed": 9}, {"timeout_seconds": 9}, {"retries": 9}, {"repeats": 9}):
        assert identity(SWEEP.model_copy(update=other), job, HERE) == key


def test_the_conditions_of_this_host_stay_and_a_notebooks_code_counts(tmp_path):
    def with_cell(source, output=()):
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(output)}
        path = tmp_path / "n.ipynb"
        path.write_text(json.dumps({"cells": [cell], "metadata": {}}))
        return conditions_of(Sweep(notebook=str(path)))

    assert conditions_of(SWEEP) == conditions_of(SWEEP)
    assert with_cell("1") == with_cell("1", [{"output_type": "stream"}])
    assert with_cell("1").code != with_cell("2").code
    assert with_cell("1").extensions == conditions_of(SWEEP).extensions


def record(job, state="done", sweep=SWEEP, conditions=HERE, **outcome):
    return Record(
        key=identity(sweep, job, conditions),
        target=sweep.target.name,
        parameters=job.parameters,
        repeat=job.repeat,
        order=job.order,
        outcome=Outcome(state=state, seconds=1.0, **outcome),
        conditions=conditions,
    )


def test_a_record_is_read_as_it_was_written_and_replaces_an_earlier_one(tmp_path):
    store, job = Store(tmp_path / "new" / "store"), SWEEP.jobs()[0]
    assert store.records() == []
    with store.writer(SWEEP):
        store.put(record(job, "failed", error="x"))
        store.put(record(job, samples=[{"seconds": 1e-9, "noisy": False}]))
    assert store.records() == [record(job, samples=[{"seconds": 1e-9, "noisy": False}])]
    assert store.sweep() == SWEEP


def test_one_writer_at_a_time(tmp_path):
    store = Store(tmp_path)
    with (
        store.writer(SWEEP),
        pytest.raises(ValueError, match="another sweep is writing"),
        Store(tmp_path).writer(SWEEP),
    ):
        pass
    with store.writer(SWEEP):
        pass


def test_what_a_crash_left_is_ignored_and_then_removed(tmp_path):
    store = Store(tmp_path)
    with store.writer(SWEEP):
        store.put(record(SWEEP.jobs()[0]))
    leftovers = [store.points / ".x.json.abc", tmp_path / ".points.parquet.x"]
    for leftover in leftovers:
        leftover.write_text('{"key":')
    draft = store.notebooks / ".x.ipynb.abc"
    draft.mkdir(parents=True)
    (draft / "x.ipynb").write_text("{")
    assert len(store.records()) == 1
    with store.writer(SWEEP):
        assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]
    assert len(store.records()) == 1


def test_a_store_in_somebodys_checkout_removes_nothing_of_theirs(tmp_path):
    theirs = [".git/config", ".env", "notebooks/.ipynb_checkpoints/a.ipynb", "points/.keep"]
    for name in theirs:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("theirs")
    with Store(tmp_path).writer(SWEEP):
        pass
    assert [(tmp_path / name).read_text() for name in theirs] == ["theirs"] * 4


def test_a_damaged_file_is_told_by_name(tmp_path):
    store = Store(tmp_path)
    store.points.mkdir()
    (store.points / "abc.json").write_text('{"key": "abc"')
    with pytest.raises(ValueError, match=r"abc\.json is damaged"):
        store.records()


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no store of a sweep"):
        Store(tmp_path).sweep()


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, {"params", "code", "strict"}),
        ({"host": "other"}, {"params", "code"}),
        ({"environment": "other"}, {"params", "code"}),
        ({"code": "other"}, {"params"}),
        ({"extensions": "other"}, {"params"}),
    ],
)
def test_reuse_says_what_has_to_be_unchanged(changed, counts):
    then = HERE.model_copy(update=changed)
    records = [record(job, conditions=then) for job in SWEEP.jobs()]
    for reuse in LEVELS:
        found = finished(records, SWEEP, [HERE], reuse)
        assert sorted(found) == (list(range(6)) if reuse in counts else [])


def test_records_of_another_target_or_sampling_do_not_count():
    other = Sweep(probe="ffi", parameters=SWEEP.parameters, repeats=2)
    longer = SWEEP.model_copy(update={"samples": 9})
    for sweep in (other, longer):
        records = [record(job, sweep=sweep) for job in sweep.jobs()]
        assert not finished(records, SWEEP, [HERE], "strict")


def test_any_of_several_hosts_counts():
    there = HERE.model_copy(update={"host": "there"})
    records = [record(SWEEP.jobs()[0]), record(SWEEP.jobs()[1], conditions=there)]
    assert sorted(finished(records, SWEEP, [HERE, there], "strict")) == [0, 1]
    assert sorted(finished(records, SWEEP, [HERE], "strict")) == [0]


def test_the_tables_have_a_row_a_point_and_a_row_a_sample(tmp_path):
    store, (one, two, *_) = Store(tmp_path), SWEEP.jobs()
    rows = [{"seconds": s, "noisy": False, "order": i} for i, s in enumerate((3.0, 1.0, 2.0))]
    with store.writer(SWEEP):
        store.put(record(one, samples=rows, figures={"rate": 5.0}))
        store.put(record(two, "timeout", error="not done"))
        assert not store.tabulated
        write_tables(store)
        assert store.tabulated
    points = pd.read_parquet(tmp_path / "points.parquet").set_index("order")
    assert dict(points["state"]) == {one.order: "done", two.order: "timeout"}
    assert points.loc[one.order, "seconds"] == 2.0
    assert points.loc[one.order, "rate"] == 5.0
    assert points.loc[two.order, "error"] == "not done"
    assert pd.isna(points.loc[two.order, "seconds"])
    assert set(points["batch_size"]) == {one.parameters["batch_size"], two.parameters["batch_size"]}
    samples = pd.read_parquet(tmp_path / "samples.parquet")
    assert list(samples["seconds"]) == [3.0, 1.0, 2.0]
    assert set(samples["host"]) == {"h"}
    assert {p.name for p in Path(tmp_path).iterdir()} == {
        *("sweep.json", "points", "points.parquet", "samples.parquet")
    }


def test_an_axis_of_several_types_becomes_text(tmp_path):
    sweep = Sweep(
        notebook="30_model_vs_measured.ipynb", parameters={"batch_sizes": [5, "1,2", None]}
    )
    store = Store(tmp_path)
    with store.writer(sweep):
        for job in sweep.jobs():
            store.put(record(job, sweep=sweep))
        write_tables(store)
    column = pd.read_parquet(tmp_path / "points.parquet")["batch_sizes"]
    assert {None if pd.isna(v) else v for v in column} == {"5", '"1,2"', None}
