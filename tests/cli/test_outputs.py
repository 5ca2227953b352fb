"""Reports by default names: named after their source, and nothing that is there is replaced."""

from nbformat.v4 import new_code_cell, new_output
from report_cases import write_notebook
from test_bad_input import call, refused

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
