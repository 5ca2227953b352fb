"""Bad input of every command: exit status 2, one clear line, and nothing written or begun."""

import json
import sys

import pandas as pd
import pytest
from nbformat.v4 import new_code_cell
from report_cases import write_notebook
from synthetic_calibration import synthetic_calibration

from aethermodel.cli import main
from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.store import Store


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs the command line in an empty folder: (exit status, standard output, lines of error)."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["aethermodel", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said, complained = capsys.readouterr()
        return ended.value.code, said, complained.strip().splitlines()

    return run


def refused(call, *words):
    """Return the one line that a command is refused with."""
    status, said, lines = call(*words)
    assert (status, said) == (2, ""), lines
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bound", "-n", "0"], "--batch-size"),
        (["bound", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["bench", "extreme", "--core", "rust"], "core: Input should be 'mocked' or 'cython'"),
        (["bench", "extreme", "--batches", "x"], "--batches"),
        (["bench", "extreme", "--loop", "trio"], "event_loop"),
        (["bench", "pipeline", "--rows", "warp"], "kinds"),
        (["bench", "pipeline", "--loops", "trio"], "event_loops"),
        (["bench", "pipeline", "--load", "1.5"], "load"),
        (["bench", "soak", "--fabric", "carrier-pigeon"], "fabric"),
        (["bench", "soak", "--seconds", "0"], "seconds"),
        (["validate", "-n", "1,,3"], "batch_sizes"),
        (["validate", "--topics", "0"], "topics"),
        (["validate", "--fabric", "pigeon"], "fabric"),
        (["validate", "--fabric", "all", "--pool", "2"], "--pool is loopback's own"),
        (["calibrate", "--seconds", "0"], "time budget"),
        (["calibrate", "--seconds", "inf"], "time budget"),
        (["calibrate", "--pipeline", ""], "a Python file"),
        (["calibrate", "--record-bytes", ""], "record_bytes"),
        # Those that say how long they take have not said "nan h" by then.
        (["validate", "--seconds", "nan"], "time budget"),
        (["validate", "--pipeline", ""], "a Python file"),
        (["report", "--run", "--seconds", "-1"], "time budget"),
        (["bench", "fabric", "--listen", "127.0.0.1", "--seconds", "0"], "time budget"),
        (["bench", "latency", "--seconds", "nan"], "time budget"),
        (["bench", "optimum", "--seconds", "-1"], "time budget"),
        (["bench", "pipeline", "--seconds", "nan"], "time budget"),
        (["calibrate", "--merge", "missing.json"], "missing.json"),
        (["calibrate", "--check", "missing.json"], "missing.json"),
        (["predict"], "calibration.json"),
        (["predict", "-n", "1,x"], "batch_sizes"),
        (["predict", "-n", "0"], "at least 1"),
        (["bench", "latency", "--loads", "0.5,2"], "below 1"),
        (["bench", "latency", "--arrivals", "rain"], "arrivals"),
        (["bench", "latency", "-c", "missing.json"], "missing.json"),
        (["bench", "latency", "--target", "1ms"], "--target goes with --adaptive"),
        (["bench", "latency", "--adaptive", "--target", "1m"], "--target"),
        (["predict", "--within", "1m"], "--within"),
        (["predict", "--within", "0"], "--within: a time above 0"),
        (["bench", "latency", "--adaptive", "--largest", "3"], "goes without --adaptive"),
        (["bench", "latency", "--adaptive", "--sizes", "0"], "1 to 1024"),
        (["bench", "model", "--runs", "0"], "at least one run"),
        (["bench", "model", "--extrap-python", "missing", "--runs", "1"], "missing"),
        (["report"], "either an executed notebook, a store, a law file, measurements, or --run"),
        (["report", "missing.ipynb"], "missing.ipynb"),
        (["sweep", "plan"], "the folder of a store, --probe or --notebook"),
        (["sweep", "run", "-p", "pool=1"], "either a probe or a notebook"),
        (["sweep", "status"], "wanted: a sweep file, or the folder of a store"),
        (["sweep", "plan", "missing.toml"], "missing.toml"),
        (["sweep", "run", "--probe", "ffi", "-p", "batchsize=3"], "no parameter 'batchsize'"),
        (["sweep", "run", "--probe", "ffi", "-p", "batch_size=1,x"], "valid integer"),
        (["sweep", "run", "--probe", "ffi", "-p", "batch_size"], "-p wants NAME=VALUE"),
        (["sweep", "run", "--probe", "ffi", "--reuse", "all"], "params, code or strict"),
        (["sweep", "run", "--probe", "ffi", "--backend", "slurm"], "local or dask"),
        (["sweep", "run", "--probe", "ffi", "--scheduler", "x"], "--backend dask"),
        (["sweep", "run", "--notebook", "10_upper_bound.ipynb", "-p", "n=1"], "no parameter 'n'"),
        (["sweep", "status", "."], "no store of a sweep"),
        (["sweep", "retry", "--store", "nothing"], "no store of a sweep"),
        (["bench", "rdma", "--settings", "3"], "--settings"),
        (["bench", "rdma", "--samples", "missing.json"], "missing.json"),
        (["sweep", "run", "--probe", "ffi", "-p", "batch_size=true"], "should be int, not True"),
        (["sweep", "plan", "--probe", "ffi", "-p", "pool=nan"], "valid integer"),
        (["sweep", "plan", "--probe", "ffi", "-p", "pool=1e999"], "pool: wanted a finite number"),
        (["sweep", "plan", "--probe", "ffi", "-p", "pool=12:30:00"], "valid integer"),
        (["sweep", "plan", "--probe", "ffi", "-p", "pool=" + "9" * 400], "64 bits"),
        (["predict", "-c", "/dev/stdin"], "/dev/stdin"),
        (["predict", "-c", "/dev/zero"], "a device; give a regular file"),
        (["report", "/dev/zero"], "a device; give a regular file"),
        (["sweep", "plan", "/dev/zero"], "/dev/zero"),
        (["sweep", "plan", "--probe", "warp"], "no probe 'warp'"),
        (["sweep", "plan", "--probe", "ffi", "--repeats", "x"], "--repeats"),
        (["sweep", "run", "--probe", "ffi", "--timeout", "0"], "timeout_seconds"),
        (["sweep", "run", "--probe", "ffi", "--json", "/dev/null/x.json"], "/dev/null"),
        (["sweep", "run", "--probe", "ffi", "--store", "/dev/null/x"], "/dev/null"),
        (["report", "--run", "-o", "/dev/null/x.html"], "/dev/null: Not a directory"),
        (["report", "--run", "-o", "/dev"], "/dev: Is a directory"),
        (["report", "--run", "--json", "/dev"], "/dev: Is a directory"),
        (
            ["report", "--run", "--rate", "5e6"],
            "is for the store of a sweep; --rate and --p99",
        ),
        (["report", "."], "no store of a sweep"),
        (["report", "diff", "missing", "."], "missing: no such file or folder"),
        (["report", "diff", ".", "."], "no store of a sweep"),
        (["report", "diff", "missing.parquet", "."], "missing.parquet"),
        (["report", "diff", "one"], "Missing argument"),
        (["lab", "--folder", "missing"], "missing"),
        (["lab", "--port", "70000"], "--port"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(call, arguments, message, tmp_path):
    assert message in refused(call, *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.toml", "probe = ", "s.toml"),
        ("s.yaml", "a: [", "s.yaml"),
        ("s.txt", "probe = 1", "ends in .toml, .yaml or .yml"),
        ("s.toml", 'probe = "ffi"\nrepeat = 3', "repeat: there is no such setting"),
        ("s.toml", 'probe = "ffi"\nparameters = 3', "parameters: "),
        ("s.toml", 'probe = "ffi"\n[parameters]\npool = 2026-01-01', "a finite number"),
        ("s.toml", 'probe = "ffi"\n[parameters]\npool = {a = 1}', "valid integer"),
        ("s.toml", 'notebook = "none.ipynb"', "no notebook none.ipynb"),
    ],
)
def test_a_sweep_file_with_a_fault_starts_nothing(call, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    for command in ("plan", "run", "status", "retry"):
        assert message in refused(call, "sweep", command, name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.fixture
def store(tmp_path):
    """A store in which nothing has finished."""
    made = Store(tmp_path / "s")
    with made.writer(Sweep(probe="ffi", parameters={"batch_size": [1, 2]})):
        pass
    return made


#: Whatever reads a store, and leaves it as it is.
READERS = (
    ("sweep", "plan", "s"),
    ("sweep", "status", "s"),
    ("sweep", "run", "s"),
    ("sweep", "retry", "s"),
    ("report", "s"),
    ("report", "diff", "s", "s"),
)


def contents(folder):
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.parametrize("text", [b"", b'{"key": "ab', b"\0" * 99, b"{}", b"\xff"])
def test_a_damaged_record_is_named_and_left(call, store, words, text, tmp_path):
    (store.points / "abc.json").write_bytes(text)
    before = contents(tmp_path)
    assert "s/points/abc.json is damaged, remove it: " in refused(call, *words)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("words", READERS, ids=" ".join)
@pytest.mark.parametrize("text", [b"", b"{", b'{"probe": "warp"}', b"\xff"])
def test_a_damaged_plan_is_named_and_left(call, store, words, text, tmp_path):
    (store.folder / "sweep.json").write_bytes(text)
    before = contents(tmp_path)
    assert "s/sweep.json is no sweep of this version: " in refused(call, *words)
    assert contents(tmp_path) == before


def test_an_empty_store_has_a_state_and_no_report(call, store):
    status, said, _ = call("sweep", "status", "s", "--json", "-")
    assert (status, json.loads(said)["left"]) == (0, 2)
    for words in (("report", "s"), ("report", "diff", "s", "s")):
        assert "no point of its sweep has finished yet" in refused(call, *words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not a readable notebook"),
        (b"\xff\xfe", "not a readable notebook"),
        (b"{}", "not a readable notebook"),
        (b"[1]", "it holds no JSON object"),
        (b'{"nbformat": 4, "cells": 3}', "cells: "),
    ],
)
def test_a_file_that_is_no_notebook_has_no_report(call, tmp_path, text, message):
    (tmp_path / "n.ipynb").write_bytes(text)
    assert message in refused(call, "report", "n.ipynb", "-o", "n.html")
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_a_notebook_that_was_not_executed_has_no_report(call, tmp_path):
    write_notebook(tmp_path, new_code_cell("1"))
    line = refused(call, "report", "executed.ipynb", "-o", "n.html")
    assert "none of its cells was executed" in line
    assert not (tmp_path / "n.html").exists()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([{"source": "%matplotlib inline\nn = 1"}], "not plain Python: line 1"),
        ([{"source": 3}], "not a notebook"),
        ([3], "not a notebook"),
        (3, "not a notebook"),
    ],
)
def test_a_notebook_that_cannot_be_swept_is_refused(call, tmp_path, cells, message):
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict):
            cell |= {"cell_type": "code", "metadata": {"tags": ["parameters"]}}
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    assert message in refused(call, "sweep", "run", "--notebook", "n.ipynb", "-p", "n=1,2")
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


@pytest.fixture
def law(tmp_path):
    """A law file that is read, of times that are in proportion to the size."""
    sizes = [1, 10, 100, 1_000]
    rows = pd.DataFrame({"n": sizes, "seconds": [1e-6 * size for size in sizes]})
    fit(Measurements.from_frame(rows, size="n", time="seconds")).save(tmp_path / "law.json")
    return "law.json"


@pytest.mark.parametrize("option", ["size", "time", "unit", "group", "format"])
@pytest.mark.parametrize(
    "words",
    [
        ("gate", "law.json", "law.json"),
        ("report", "law.json", "-o", "law.html"),
        ("recommend", "law.json", "--rate", "1e5", "--p99", "1ms"),
        ("history", "add", "law.json", "--commit", "a"),
    ],
    ids=lambda words: words[0],
)
def test_a_law_file_is_not_read_by_options_of_measurements(call, law, words, option, tmp_path):
    assert f"--{option} is for measurements" in refused(call, *words, f"--{option}", "us")
    assert [path.name for path in tmp_path.iterdir()] == [law]


def test_a_law_and_a_calibration_are_not_compared(call, law, tmp_path):
    """Else the one that is faster at the same sizes has made the other no worse."""
    content = json.dumps(synthetic_calibration().to_json())
    (tmp_path / "calibration.json").write_text(content)
    line = refused(call, "gate", law, "calibration.json")
    assert "law.json is a law, calibration.json is a calibration: nothing to compare" in line


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_file_is_no_store(call, law, command):
    line = refused(call, "sweep", command, "--probe", "ffi", "--store", law)
    assert "law.json: the store of a sweep is a folder" in line


def test_two_law_files_are_of_no_host_of_a_history(call, law):
    assert "--host is for a history" in refused(call, "gate", law, law, "--host", "a")


def test_samples_that_are_none_are_not_compared(call, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert "a.parquet: not a Parquet file" in refused(call, "report", "diff", "a.parquet", ".")


COMMANDS = (
    "bound,bench extreme,bench kernel,bench ffi,bench ring,"
    "bench pipeline,bench soak,bench latency,bench model,bench optimum,bench rdma,"
    "bench tables,"
    "sweep plan,sweep run,sweep status,sweep retry,calibrate,predict,validate,report,doctor,lab"
)


@pytest.mark.parametrize("group", ["", "bench", "sweep", "history"])
def test_lists_of_commands_say_a_whole_line_of_each(call, group, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, said, _ = call(*group.split(), "--help")
    assert status == 0
    listed = said.partition("Commands:")[2].strip().splitlines()
    assert len(listed) > 1
    assert not [line for line in listed if line.endswith("...")]


@pytest.mark.parametrize("command", COMMANDS.split(","))
def test_help_has_an_example(call, command):
    status, said, _ = call(*command.split(), "--help")
    assert status == 0
    assert "Example: aethermodel" in said
