"""Cost of a report: times real commands, each leaving what it is to leave."""

import json
import sys

import pytest

from aethermodel.report.sweep.point_tables import SweepResult
from tools.costs import report_cost
from tools.report_example import write_notebook, write_store


def test_the_example_is_a_whole_store_and_a_notebook_of_twelve_figures(tmp_path):
    store = write_store(tmp_path / "store")
    result = SweepResult.load(store)
    assert dict(result.points["state"].value_counts()) == {"done": 20}
    assert (result.points["chance"] > 0.95).all()
    notebook = json.loads(write_notebook(tmp_path / "n.ipynb", store, figures=12).read_text())
    shown = [cell["outputs"][0]["data"]["text/html"] for cell in notebook["cells"][2::2]]
    assert sum("<svg" in html for html in shown) == 12
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_each_round_runs_each_command_and_a_first_run_is_not_counted(tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    page = tmp_path / "ours.html"
    code = (
        f"open({str(ran)!r}, 'a').write(sys.argv[1] + '\\n');"
        f"open({str(page)!r}, 'w').write('<svg class=x></svg><svg></svg><script></script>')"
    )
    words = [sys.executable, "-c", f"import sys; {code}"]
    both = {name: [*words, name] for name in ("ours", "theirs")}
    monkeypatch.setattr(report_cost, "commands", lambda _: both)
    timed = report_cost.time_exports(tmp_path, 3)
    lines = ran.read_text().split()
    assert lines[:2] == ["ours", "theirs"]
    assert [sorted(lines[i : i + 2]) for i in (2, 4, 6)] == [["ours", "theirs"]] * 3
    assert [timed[name]["count"] for name in both] == [3, 3]
    assert (timed["ours"]["drawings"], timed["ours"]["scripts"]) == (2, 1)
    assert "bytes" not in timed["theirs"]


def test_a_command_that_fails_is_no_time(tmp_path, monkeypatch):
    code = "import sys; sys.stderr.write('no such template'); sys.exit(3)"
    broken = {"ours": [sys.executable, "-c", code]}
    monkeypatch.setattr(report_cost, "commands", lambda _: broken)
    with pytest.raises(RuntimeError, match="ended with 3: no such template"):
        report_cost.time_exports(tmp_path, 3)
