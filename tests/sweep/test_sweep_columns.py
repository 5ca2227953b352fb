"""No parameter and no figure hides behind a column that a table has of its own."""

import json
import shutil

import nbformat
import pandas as pd
import pytest

from aethermodel.report.comparison.diff import diff, diff_html, load_source
from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.report.sweep.store_page import store_report
from aethermodel.sweep.identity import Conditions, identity
from aethermodel.sweep.parquet_tables import write_tables
from aethermodel.sweep.plan import Sweep, read_sweep_file
from aethermodel.sweep.store import Record, Store
from aethermodel.sweep.target import Outcome

WHERE = Conditions(code="c", extensions="e", host="h", environment="v")
#: Names that the tables of a store or its report have of their own.
NAMES = (
    *("state", "seconds", "repeat", "key", "host", "order", "target", "noisy", "error", "tries"),
    *("value", "low", "point", "label", "process", "probe", "done", "wall_seconds", "code"),
)


def sweep_of(folder, names):
    """Return a sweep of a notebook with an axis of each name."""
    notebook = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("\n".join(f"{name} = 0" for name in names))
    cell.metadata["tags"] = ["parameters"]
    notebook.cells = [cell]
    path = folder / "n.ipynb"
    nbformat.write(notebook, str(path))
    axes = {name: [1, 2] if i < 2 else [3] for i, name in enumerate(names)}
    return Sweep(notebook=str(path), parameters=axes)


def filled(store, sweep, **outcome):
    """Write a record for every job."""
    with store.writer(sweep):
        for job in sweep.jobs():
            store.put(
                Record(
                    key=identity(sweep, job, WHERE),
                    target=sweep.target.name,
                    parameters=job.parameters,
                    repeat=job.repeat,
                    order=job.order,
                    outcome=Outcome(state="done", seconds=1.0 + job.order, **outcome),
                    started="2026-01-01T00:00:00+00:00",
                    conditions=WHERE,
                )
            )
        write_tables(store)


@pytest.mark.parametrize("turn", range(0, len(NAMES), 2))
def test_an_axis_of_a_tables_own_name_stands_in_it_and_in_the_report(tmp_path, turn):
    names = [*NAMES[turn:], *NAMES[:turn], "at"]
    sweep, store = sweep_of(tmp_path, names), Store(tmp_path / "s")
    filled(store, sweep, figures={"rate_per_second": 5.0, "state": 7.0, "at": 9.0})
    points = pd.read_parquet(store.folder / "points.parquet")
    assert set(points["state"]) == {"done"}
    assert set(points["host"]) == {"h"}
    assert set(points["figure.state"]) == {7.0}
    assert set(points["figure.at"]) == {9.0}
    jobs = {job.order: job.parameters for job in sweep.jobs()}
    for row in points.to_dict("records"):
        for name in names:
            column = f"parameter.{name}" if f"parameter.{name}" in points else name
            assert row[column] == jobs[row["order"]][name]
    result = SweepResult.load(store.folder)
    assert set(result.points["state"]) == {"done"}
    for axis, name in zip(result.axes, names[:2], strict=True):
        assert axis.removeprefix("parameter.") == name
        assert sorted(set(result.points[axis])) == [1, 2]
    assert store_report(result).html()


def test_samples_keep_a_parameter_of_their_own_name(tmp_path):
    sweep, store = sweep_of(tmp_path, ["seconds", "noisy"]), Store(tmp_path / "s")
    filled(store, sweep, samples=[{"seconds": 0.5, "noisy": False}])
    samples = pd.read_parquet(store.folder / "samples.parquet")
    assert set(samples["seconds"]) == {0.5}
    assert set(samples["parameter.seconds"]) == {1, 2}
    result = SweepResult.load(store.folder)
    assert set(result.samples["seconds"]) == {0.5}
    assert set(result.samples["parameter.seconds"]) == {1, 2}


def test_a_copied_record_counts_once(tmp_path):
    sweep = Sweep(probe="ffi", parameters={"batch_size": [1, 2]})
    store = Store(tmp_path / "s")
    filled(store, sweep, samples=[{"seconds": 0.5, "noisy": False}])
    first = store.files()[0]
    shutil.copy(first, store.points / "a copy.json")
    changed = json.loads(first.read_text())
    changed["outcome"]["seconds"] = 99.0
    (store.points / "0.json").write_text(json.dumps(changed))
    (store.points / "z.json").write_text(json.dumps(changed))
    assert len(store.records()) == 2
    assert {record.outcome.seconds for record in store.records()} == {1.0, 2.0}
    result = SweepResult.load(store.folder)
    assert (len(result.records), result.others) == (2, 0)
    with store.writer(sweep):
        write_tables(store)
    assert len(pd.read_parquet(store.folder / "points.parquet")) == 2


def test_a_key_is_no_path(tmp_path):
    store = Store(tmp_path / "s")
    filled(store, Sweep(probe="ffi", parameters={"batch_size": [1]}))
    changed = json.loads(store.files()[0].read_text()) | {"key": "../../outside"}
    store.files()[0].write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="is damaged, remove it: key"):
        store.records()


@pytest.mark.parametrize("suffix", ["toml", "yaml"])
def test_a_time_of_day_stays_the_text_it_is_or_is_refused(tmp_path, suffix):
    path = tmp_path / f"s.{suffix}"
    notebook = sweep_of(tmp_path, ["at", "on"]).notebook
    if suffix == "yaml":
        text = f"notebook: {notebook}\nparameters:\n  at: '12:30:00'\n  on: 3\n"
        path.write_text(text.replace("'", ""))
        assert read_sweep_file(path)["parameters"] == {"at": "12:30:00", "on": 3}
        with pytest.raises(ValueError, match="at: should be int like its default, not '12:30:00'"):
            Sweep.model_validate(read_sweep_file(path))
    else:
        path.write_text(f'notebook = "{notebook}"\n[parameters]\nat = 12:30:00\n')
        with pytest.raises(ValueError, match="at: a value is a finite number, a text"):
            Sweep.model_validate(read_sweep_file(path))


@pytest.mark.parametrize(
    "text", [r"$\frac{$", "$$", "a_$x^$", r"\$", "<script>", "{x}", "%s", "$x$"]
)
def test_a_value_that_looks_like_tex_is_drawn_as_it_is(tmp_path, text):
    path = sweep_of(tmp_path, ["a", "b"]).notebook
    notebook = nbformat.read(path, 4)
    notebook.cells[0].source = "a = 'x'\nb = 'y'"
    nbformat.write(notebook, path)
    sweep = Sweep(notebook=path, parameters={"a": [text, "z"], "b": ["q", text + "2"]}, repeats=3)
    store = Store(tmp_path / "s")
    filled(store, sweep, figures={"rate_per_second": 5.0, "p99_seconds": 1.0})
    page = store_report(SweepResult.load(store.folder)).html()
    assert "<script>" not in page
    assert diff_html(diff(load_source(store.folder), load_source(store.folder)))


def test_a_figure_that_is_not_known_is_no_number_in_the_report(tmp_path):
    sweep, store = sweep_of(tmp_path, ["a", "b"]), Store(tmp_path / "s")
    filled(store, sweep, figures={"rate_per_second": None, "p99_seconds": None})
    result = SweepResult.load(store.folder)
    assert result.points["value"].isna().all() and result.points["p99_seconds"].isna().all()
    assert store_report(result).html()
