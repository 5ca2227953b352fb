"""Reports by default names: named after their source, and nothing that is there is replaced."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from report_cases import write_notebook
from test_bad_input import call, refused

from aethermodel.cli.shared.outputs import compared

__all__ = ["call"]


def executed(folder, name):
    cell = new_code_cell("1", execution_count=1)
    cell.outputs = [new_output("execute_result", {"text/plain": "1"}, execution_count=1)]
    folder.mkdir(exist_ok=True)
    return write_notebook(folder, cell).rename(folder / name)


def test_the_report_of_a_notebook_is_named_after_it(call, tmp_path):
    executed(tmp_path / "runs", "mine.ipynb")
    status, said, _ = call("report", "runs/mine.ipynb")
    assert (status, said.strip()) == (0, "reports/mine.html")
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["mine.html"]


def test_nothing_is_replaced_without_force(call, tmp_path):
    executed(tmp_path / "runs", "mine.ipynb")
    for words in (("report", "runs/mine.ipynb"), ("report", "runs/mine.ipynb", "-o", "own.html")):
        assert call(*words)[0] == 0
        page = tmp_path / (words[-1] if words[-1].endswith("html") else "reports/mine.html")
        page.write_text("mine")
        assert "exists: replace it by --force, or name another by -o" in refused(call, *words)
        assert page.read_text() == "mine"
        assert call(*words, "--force")[0] == 0
        assert page.read_text() != "mine"


def test_a_fresh_run_spares_what_lies_beside_its_report(call, tmp_path):
    (tmp_path / "host.ipynb").write_text("mine")
    line = refused(call, "report", "--run", "-o", "host.html")
    assert "host.ipynb exists: replace it by --force" in line
    assert [path.name for path in tmp_path.iterdir()] == ["host.ipynb"]


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ("before.csv", "after.csv", "diff-before-after"),
        ("after.csv", "before.csv", "diff-after-before"),
        ("before/run.parquet", "after/run.parquet", "diff-before-run-after-run"),
        ("x/one/run.csv", "y/one/run.csv", "diff-x-one-run-y-one-run"),
        ("run.csv", "run.json", "diff-run.csv-run.json"),
        ("batch=1 (a).csv", "v1.2/b.csv", "diff-batch=1-a-b"),
    ],
)
def test_a_comparison_is_named_after_the_two_that_are_compared(a, b, name):
    assert compared(Path(a), Path(b)) == Path("reports", f"{name}.html")
    assert compared(Path(a), Path(b)) != compared(Path(b), Path(a))


def test_a_second_comparison_is_not_refused_for_the_first(call, tmp_path):
    """Both went to reports/diff.html."""
    rows = "".join(f"{n},{n * factor}\n" for n in (1, 10, 100) for factor in (2.0, 2.02, 2.04))
    for name in ("before", "after", "later"):
        (tmp_path / f"{name}.csv").write_text(f"batch_size,time_us\n{rows}")
    assert call("diff", "before.csv", "after.csv")[0] == 0
    assert call("diff", "before.csv", "later.csv")[0] == 0
    made = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert made == ["diff-before-after.html", "diff-before-later.html"]
    assert "exists: replace it by --force" in refused(call, "diff", "before.csv", "after.csv")
