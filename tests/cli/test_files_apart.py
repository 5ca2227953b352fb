"""No command writes over what it reads, or two outputs into one file, by whatever spelling."""

import json
import os
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from report_cases import write_notebook
from synthetic_calibration import synthetic_calibration

from aethermodel.cli import main
from aethermodel.output_files import check_target
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.store import Store


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs the command line in a folder with one file of each kind: (status, lines of error)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.json").write_text(json.dumps(synthetic_calibration().to_json()))
    cell = new_code_cell("1", outputs=[new_output("stream", text="1")], execution_count=1)
    write_notebook(tmp_path, cell).rename(tmp_path / "n.ipynb")
    (tmp_path / "w.toml").write_text('probe = "ffi"\n[parameters]\nbatch_size = [1, 2]\n')
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    store = Store(tmp_path / "s")
    with store.writer(Sweep(probe="ffi", parameters={"batch_size": [1, 2]})):
        (store.folder / "calibration.json").write_text((tmp_path / "c.json").read_text())
        (store.points / "a.json").write_text("{}")
    os.link(tmp_path / "c.json", tmp_path / "hard.json")
    (tmp_path / "soft.json").symlink_to("c.json")
    (tmp_path / "inner").symlink_to("s")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["aethermodel", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr().err.strip().splitlines()

    return run


def contents(folder):
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        "report n.ipynb -o n.ipynb",
        "report n.ipynb -o ./inner/../n.ipynb",
        "report -o n.ipynb n.ipynb",
        "report n.ipynb -o o.html --json o.html",
        "report s -o s/sweep.json",
        "report s -o inner/sweep.json",
        "report s --json s/calibration.json",
        "report s -o s/points/a.json",
        "report s -o s/points/new.html",
        "report s -c c.json -o hard.json",
        "report s -c c.json --json soft.json",
        "report diff s p.parquet -o p.parquet",
        "report diff s p.parquet --json s/points.parquet",
        "report diff s p.parquet -o o --json o",
        "report --run -o o.html --json o.html",
        "report --run -o o.html --json o.calibration.json",
        "predict -c c.json --json c.json",
        "predict --json c.json -c c.json",
        "predict -c c.json --json hard.json",
        "predict -c c.json --json soft.json",
        "predict -c soft.json --json c.json",
        "predict -c n.ipynb -c c.json --json ../{here}/c.json",
        "predict -c n.ipynb --loop-of c.json --json c.json",
        "predict -c n.ipynb --fabric-from c.json --json c.json",
        "calibrate --merge c.json --json c.json",
        "calibrate --check c.json --json c.json",
        "validate --samples o --json o",
        "bench rdma --samples c.json --json c.json",
        "bench latency -c c.json --json c.json",
        "bench extreme --diagnose -c c.json --json c.json",
        "bench extreme --json s",
        "bench kernel --plot o --json o",
        "sweep plan w.toml --json w.toml",
        "sweep status s --json s/sweep.json",
        "sweep run w.toml --store s --json s/points.parquet",
        "sweep run --probe ffi --store s --json inner/samples.parquet",
        "sweep plan --notebook n.ipynb --json n.ipynb",
        "sweep retry s --json s/summary.ipynb",
    ],
)
def test_output_onto_a_source_or_another_output_is_refused_and_all_is_left(call, words, tmp_path):
    before = contents(tmp_path)
    status, lines = call(*words.format(here=tmp_path.name).split())
    assert (status, len(lines)) == (2, 1), lines
    assert any(word in lines[0] for word in ("would destroy", "a place of the store", "Is a dir"))
    assert contents(tmp_path) == before


def test_a_notebook_of_the_projects_is_a_source_by_its_name_too(call):
    from aethermodel.execute.notebooks import find_notebook

    own = find_notebook("10_upper_bound.ipynb")
    before = own.read_bytes()
    status, lines = call("sweep", "plan", "--notebook", own.name, "--json", str(own))
    assert (status, len(lines)) == (2, 1)
    assert own.read_bytes() == before


@pytest.mark.parametrize("target", ["/dev/null", "/dev/full", "pipe"])
def test_what_is_no_regular_file_is_not_replaced_by_one(call, target, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = Path(target).stat()
    status, lines = call("bound", "--json", target)
    assert (status, len(lines)) == (2, 1)
    assert "not a regular file; - is standard output" in lines[0]
    assert Path(target).stat() == before


def test_standard_output_is_not_replaced_by_its_name_even_where_it_is_a_file():
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/none"):
        with pytest.raises(OSError, match="- is standard output"):
            check_target(Path(name))


def test_other_names_beside_the_sources_are_taken(call, tmp_path):
    assert call("predict", "-c", "c.json", "--foreign", "--json", "d.json")[0] == 0
    assert call("report", "n.ipynb", "-o", "s/own.html")[0] == 0
    assert call("sweep", "status", "s", "--json", "s/status.json")[0] == 2  # a.json is damaged
    (tmp_path / "s" / "points" / "a.json").unlink()
    assert call("sweep", "status", "s", "--json", "s/status.json")[0] == 0
