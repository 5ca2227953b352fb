"""Sizes left out of published tables, by the command and by hand."""

import json
import sys

import numpy as np
import pytest

from aethermodel.bench.tables import answered, goals, peers
from aethermodel.bench.tables.left_out import BETWEEN, BEYOND, leave_out, splits, summary
from aethermodel.bench.tables.published import read_tables
from aethermodel.bench.tables.simulated import simulate
from aethermodel.cli import main
from aethermodel.inputs.refusals import InputError

N = 2 ** np.arange(1, 15)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command; return its status, what it said and what it complained of."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["aethermodel", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def put(folder, name, seconds, first="# by hand", head="n,seconds"):
    rows = [f"{n},{float(t)!r}" for n, t in zip(N, seconds, strict=True)]
    (folder / f"{name}.csv").write_text("\n".join([first, head, *rows, ""]))


@pytest.fixture
def folder(tmp_path):
    wave = 1 + 0.01 * np.sin(5.0 * np.arange(N.size))
    put(tmp_path, "affine", (3e-6 + 2e-9 * N) * wave)
    put(tmp_path, "power", 1e-9 * N**1.5 * wave)
    return tmp_path


def test_every_interior_size_is_left_out_once_and_all_beyond_a_quarter(folder):
    table = read_tables(folder)[0]
    found = list(splits(table))
    between = np.concatenate([split.asked for split in found if split.kind == BETWEEN])
    np.testing.assert_array_equal(np.sort(between), N[1:-1])
    (beyond,) = [split for split in found if split.kind == BEYOND]
    np.testing.assert_array_equal(beyond.asked, N[-2:])
    assert all(not np.isin(split.asked, split.shown.n).any() for split in found)


def test_laws_are_near_what_was_left_out_and_their_intervals_hold_it(folder):
    summed = summary(leave_out(read_tables(folder))).set_index(["kind", "model"])
    assert set(summed.index.get_level_values(1)) == {"laws", "log-log lines", "polynomial"}
    for kind in (BETWEEN, BEYOND):
        own = summed.loc[(kind, "laws")]
        assert own["tables"] == 2 and own["error"] < 0.02 and own["covered"] > 0.8


def test_lines_join_in_log_log_and_go_on(folder):
    table = read_tables(folder)[1]
    said = peers.lines(table, np.array([24.0, 4.0 * N[-1]]))
    np.testing.assert_allclose(said, 1e-9 * np.array([24.0, 4.0 * N[-1]]) ** 1.5, rtol=0.05)


def test_the_command_judges_and_writes(call, folder, tmp_path):
    out = tmp_path / "out.json"
    status, said, _ = call("bench", "tables", str(folder), "--each", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["schema"] == "aethermodel.bench.tables/1" and document["host"] is None
    assert document["sources"] == {"affine": "by hand", "power": "by hand"}
    met = all(target["met"] for target in document["targets"])
    assert status == (0 if met else 1) and ("missed:" in said) != met
    assert "log-log" in said and "affine" in said
    assert document["fit_ms"].keys() == document["sources"].keys()
    assert f"{document['fit_ms']['affine']:.1f} ms" in said


def test_the_command_simulates(call):
    status, said, _ = call("bench", "tables", "--simulated", "1")
    assert status in (0, 1) and "N log N" in said and "threads vary" in said


def test_known_laws_hold_and_no_laws_do_not():
    """Of 6 tables each; exact: three wrong by chance once in 10^4."""
    found = simulate(6, seed=1).set_index("case")
    assert np.all(found.loc[found["known"], "said"] <= 0.34)
    assert np.all(found.loc[~found["known"].astype(bool), "said"] >= 0.66)
    assert np.all(found.loc[found["known"], "within_5"] >= 0.66)
    # A fit's time is a goal for tables without a law as well.
    timed = [goal.name for goal in goals.simulated(found.reset_index()) if "fit_ms" in goal.name]
    assert timed == [f"{case}: fit_ms" for case in found.index]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n,seconds\n1,2\n", "line 1: wanted a comment"),
        ("# x\nn;seconds\n", "line 2: wanted n,seconds"),
        ("# x\nn,seconds\n1,2\nOOM,3\n", "line 4: no size and time"),
        ("# x\nn,seconds\n1,-1\n", "line 3: wanted a size of 0 or above"),
        ("# x\nn,seconds\n", "no row in it"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(call, tmp_path, text, words):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=r"bad\.csv"):
        read_tables(tmp_path)
    status, _, complaint = call("bench", "tables", str(tmp_path))
    assert status == 2 and words in complaint and "Traceback" not in complaint


def test_a_folder_without_tables_or_without_sizes_is_said(call, tmp_path):
    assert "no table in it" in call("bench", "tables", str(tmp_path))[2]
    (tmp_path / "one.csv").write_text("# x\nn,seconds\n1,2\n")
    status, _, complaint = call("bench", "tables", str(tmp_path))
    assert status == 2 and "sizes enough" in complaint
    assert call("bench", "tables")[0] == 2


def test_answers_of_known_laws_are_held_by_their_intervals():
    found = answered.simulate(2, seed=3)
    assert set(found["answer"]) == {answered.BEST, answered.HALF, answered.RATE, answered.TIME}
    assert found["runs"].eq(2).all()
    assert (found["covered"] + found["below"] + found["above"]).eq(1).all()
    assert found["covered"].mean() > 0.7
    assert found["width"].between(1.0, 1.2).all()
    assert goals.answered(found)[0].name == "best rate: covered"
