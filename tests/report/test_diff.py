"""Two stores compared: what moved, what cannot be told, what has no counterpart."""

import json
import subprocess
import sys

import pytest
from test_store_report import CONDITIONS, write_store

from aethermodel.report.diff import diff, diff_html, load_source
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.target import Outcome


def store(folder, sizes=(10, 100), repeats=4, code="c", slower=()):
    sweep = Sweep(probe="kernel", parameters={"batch_size": list(sizes)}, repeats=repeats)

    def outcome(job):
        n = job.parameters["batch_size"]
        seconds = 1e-6 * (2 if n in slower else 1) * (1 + 0.01 * job.repeat)
        rows = [{"seconds": seconds, "noisy": False}]
        return Outcome(state="done", seconds=0.1, samples=rows)

    conditions = CONDITIONS.model_copy(update={"code": code * 64})
    write_store(folder, sweep, outcome, conditions)
    return folder


def test_what_moved_is_told_from_what_did_not(tmp_path):
    a = store(tmp_path / "a")
    b = store(tmp_path / "b", code="d", slower=(100,))
    found = diff(load_source(a), load_source(b))
    assert dict(zip(found.table["point"], found.table["outcome"], strict=True)) == {
        "batch_size=10": "no change seen",
        "batch_size=100": "lower",
    }
    assert found.table["ratio"][1] == pytest.approx(0.5)
    assert (found.table["low"] <= found.table["ratio"]).all()
    facts = found.facts().set_index("fact")["is"]
    assert (facts["code"], facts["host"]) == ("differs", "same")
    page = diff_html(found)
    assert "1 of 2 points moved beyond noise" in page
    assert "<script" not in page


def test_too_few_repeats_and_points_of_one_side_are_said(tmp_path):
    a = store(tmp_path / "a", sizes=(10, 20), repeats=3)
    b = store(tmp_path / "b", sizes=(10, 30), repeats=3, slower=(10,))
    found = diff(load_source(a), load_source(b))
    assert list(found.table["outcome"]) == ["too few repeats"]
    assert (found.only_a, found.only_b) == (["batch_size=20"], ["batch_size=30"])
    page = diff_html(found)
    assert "Too few repeats to tell" in page
    assert "only in B: batch_size=30" in page


def test_what_cannot_be_compared_is_one_clear_line(tmp_path):
    a = load_source(store(tmp_path / "a"))
    with pytest.raises(ValueError, match="no finished point in common"):
        diff(a, load_source(store(tmp_path / "b", sizes=(7,))))
    (tmp_path / "figures.txt").touch()
    with pytest.raises(ValueError, match="wants the store of a sweep"):
        load_source(tmp_path / "figures.txt")
    with pytest.raises(ValueError, match=r"none\.txt: no such file or folder"):
        load_source(tmp_path / "none.txt")


def test_the_command_gives_ratios_as_json(tmp_path):
    a, b = store(tmp_path / "a"), store(tmp_path / "b", slower=(10, 100))
    words = ["report", "diff", str(a), str(b), "-o", str(tmp_path / "d.html"), "--json", "-"]
    ran = subprocess.run(
        [sys.executable, "-m", "aethermodel", *words], capture_output=True, check=False
    )
    figures = json.loads(ran.stdout)
    assert (ran.returncode, figures["moved"]) == (0, 2)
    assert [p["outcome"] for p in figures["points"]] == ["lower", "lower"]
    assert (tmp_path / "d.html").is_file()
