"""Size of a report."""

from report_cases import comparison_table, shown, write_notebook

from aethermodel import report
from aethermodel.report import export


def test_twelve_figures_stay_below_a_megabyte(tmp_path):
    table = comparison_table()
    figures = [report.measured_vs_model(table), report.budget(table)]
    pieces = [figure._repr_html_() for figure in figures] * 6
    cells = [shown({"text/html": piece}) for piece in pieces]
    page = export(write_notebook(tmp_path, *cells), tmp_path / "page.html").read_bytes()
    assert page.count(b"<svg") == 12
    assert len(page) < 1_000_000
