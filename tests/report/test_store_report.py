"""The report of a sweep's store: what is in it, what is missing, and that both are said."""

import json
import re
from itertools import pairwise

import pytest
from command_line import aether
from executed_notebooks import raw_cells
from hypothesis import given
from hypothesis import strategies as st
from sweep_stores import write_store
from synthetic_calibration import synthetic_calibration

from aethermodel.report.figures.ecdf import ecdf
from aethermodel.report.figures.heatmap import heatmap
from aethermodel.report.figures.pareto import front
from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.report.sweep.store_page import Thresholds, rerun_command, store_report
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.target import Outcome


def done(job, seconds=1e-6):
    rows = [{"seconds": seconds * (1 + 0.01 * i), "noisy": False} for i in range(3)]
    return Outcome(state="done", seconds=0.1, samples=rows)


def kernel_sweep(**more):
    axes = {"batch_size": [10, 100, 1000], "topics": [4, 16]}
    return Sweep(probe="kernel", parameters=axes, repeats=2, **more)


def holey(job):
    where = job.parameters["batch_size"], job.parameters["topics"]
    if where == (10, 4):
        return Outcome(state="failed", seconds=0.1, error="<b>boom</b>")
    if where == (100, 4):
        return Outcome(state="timeout", seconds=0.1, error="not done after 1 s")
    return None if where == (1000, 4) else done(job)


def test_missing_failed_and_late_points_are_seen_and_said(tmp_path):
    result = write_store(tmp_path / "s", kernel_sweep(), holey)
    assert dict(result.points["state"].value_counts()) == {
        "done": 3,
        "failed": 1,
        "timeout": 1,
        "missing": 1,
    }
    report = store_report(result)
    page = report.html()
    assert report.verdict == "fail"
    for state in ("Failed: batch_size=10 topics=4", "Timeout: batch", "Missing: batch_size=1000"):
        assert state in page
    assert "<b>boom" not in page
    assert "&lt;b&gt;boom" in page
    assert "No calibration is given, so there is no model" in page
    assert "No ceiling was measured" in page


def test_figures_of_many_points_do_not_overprint(tmp_path):
    """Twenty columns: `130 M` and `230 M` beside one another read as one figure."""
    sizes = [10 * n for n in range(1, 21)]
    sweep = Sweep(probe="kernel", parameters={"batch_size": sizes, "topics": [4]}, repeats=1)
    drawn = heatmap(write_store(tmp_path / "s", sweep, done)).figure
    drawn.draw_without_rendering()
    texts = [text.get_window_extent() for text in drawn.axes[0].texts]
    assert len(texts) == 20
    assert not [one for one, other in pairwise(texts) if one.overlaps(other)]


def test_no_two_lines_of_a_distribution_look_alike(tmp_path):
    """In the dark the first and the last colour of six are nearly one."""
    result = write_store(tmp_path / "s", kernel_sweep(), done)
    lines = ecdf(result).figure.axes[0].get_lines()
    assert len(lines) == 6
    assert lines[0].get_linestyle() != lines[5].get_linestyle()


def test_the_page_has_no_script_and_every_figure_its_words_and_data(tmp_path):
    result = write_store(tmp_path / "s", kernel_sweep(), done)
    foreign = synthetic_calibration().warned("foreign: taken elsewhere")
    report = store_report(result, foreign)
    page = report.html()
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|@import|https?://(?!www\.w3\.org)", page)
    drawings = page.count('<svg viewBox="')
    assert drawings == len(report.figures) >= 4
    assert page.count("<desc id=") == page.count("data:text/csv;base64,") == drawings
    assert "<math" in page
    headings = re.findall(r"<h2[^>]*>([^<]*)", page)
    assert headings == [
        "Measured and modelled",
        "Where the time goes",
        "Every point",
        "Throughput and P99",
        "Roofline",
        "Samples and drift",
        "Formula",
        "Host and command",
    ]
    assert not raw_cells(page)
    assert "Warning: foreign: taken elsewhere." in page
    assert page == store_report(result, foreign).html()


def test_the_pipeline_is_held_against_the_calibration_it_fits(tmp_path):
    calibration = synthetic_calibration(topics=16)
    axes = {"batch_size": [1, 100, 5000], "topics": [16, 32], "calls": 16}
    sweep = Sweep(probe="pipeline", parameters=axes, repeats=2)

    def as_predicted(job):
        return done(job, float(calibration.predict([job.parameters["batch_size"]]).seconds[0]))

    report = store_report(write_store(tmp_path / "s", sweep, as_predicted), calibration)
    page = report.html()
    assert report.verdict == "pass"
    assert "3 points were measured under other settings and are not compared" in page
    assert "held out" in page
    assert "unexplained" in page
    assert not raw_cells(page)
    assert not any("Warning: it was taken on another host" in str(s) for s in report.sections)


@pytest.mark.parametrize(
    ("rate", "p99", "repeats", "verdicts"),
    [
        (1e8, 1e-3, 5, ("pass", "pass")),
        (1e10, 1e-8, 5, ("fail", "fail")),
        (1e8, 1e-3, 4, ("inconclusive", "inconclusive")),  # by chance one time in sixteen
        (1e10, 1e-8, 1, ("inconclusive", "inconclusive")),
        (1.1e9, 0.98e-6, 5, ("inconclusive", "inconclusive")),  # within the interval
    ],
)
def test_thresholds_are_judged_by_intervals(tmp_path, rate, p99, repeats, verdicts):
    sweep = Sweep(probe="kernel", parameters={"batch_size": [10, 1000]}, repeats=repeats)

    def repeated(job):
        return done(job, 1e-6 * (1 - 0.05 * job.repeat))

    result = write_store(tmp_path / "s", sweep, repeated)
    rows = {r.criterion: r for r in store_report(result, None, Thresholds(rate, p99)).rows}
    found = rows["highest throughput"], rows["P99 there"]
    assert tuple(row.verdict for row in found) == verdicts
    assert all(("a verdict takes 5" in row.measured) == (repeats < 5) for row in found)


@pytest.mark.parametrize(
    ("repeats", "words"),
    [
        (1, "One repeat gives no interval"),
        (5, "lowest to highest of 5 repeats, at least 93\xa0% by order statistics"),
        (6, "the median over 6 repeats, at least 96\xa0% by order statistics"),
    ],
)
def test_the_report_says_what_its_interval_is(tmp_path, repeats, words):
    sweep = Sweep(probe="kernel", parameters={"batch_size": [10, 1000]}, repeats=repeats)
    assert words in store_report(write_store(tmp_path / "s", sweep, done)).html()


def test_a_sweep_of_a_thousand_points_has_a_report_of_readable_size(tmp_path):
    sizes = list(range(1, 1001))
    sweep = Sweep(probe="kernel", parameters={"batch_size": sizes, "topics": [4]})
    report = store_report(write_store(tmp_path / "s", sweep, done))
    page = report.html()
    assert len(page) < 1_000_000
    assert "1000 rows in the file, the first 200 here" in page
    heat = next(f for f in report.figures if f.title.startswith("Throughput of every"))
    names = [label.get_text() for label in heat.figure.axes[0].get_xticklabels()]
    assert names[:2] == ["1", "51"]
    assert len(names) == 20
    assert ",".join(map(str, sizes)) in page


def test_one_sample_a_point_is_no_distribution(tmp_path):
    def once(job):
        return Outcome(state="done", seconds=0.1, samples=[{"seconds": 1e-6, "noisy": False}])

    sweep = Sweep(probe="kernel", parameters={"batch_size": [10, 1000]}, samples=1)
    page = store_report(write_store(tmp_path / "s", sweep, once)).html()
    assert "There is one sample a point" in page
    assert "Distribution of each point" not in page


@pytest.mark.parametrize(("spread", "tick"), [(1.02, "+2.0 %"), (5.0, "5")])
def test_the_axes_of_a_distribution_are_readable_where_it_is_narrow_and_wide(
    tmp_path, spread, tick
):
    def steady(job):
        rows = [{"seconds": 1e-6 * f, "noisy": False} for f in (1, 1, spread)]
        return Outcome(state="done", seconds=0.1, samples=rows)

    drawn = ecdf(write_store(tmp_path / "s", kernel_sweep(), steady)).figure.axes
    for axis in (drawn[0].xaxis, drawn[1].yaxis):
        assert tick in [axis.get_major_formatter()(at) for at in axis.get_majorticklocs()]


def test_the_contents_name_and_reach_the_sections(tmp_path):
    page = store_report(write_store(tmp_path / "s", kernel_sweep(), done)).html()
    links = re.findall(r'<li class="level-2"><a href="#([^"]*)">([^<]*)</a>', page)
    assert links == re.findall(r'<h2 id="([^" ]*)">([^<]*)</h2>', page)
    assert len(links) == 8


def test_a_notebooks_recorded_figures_make_its_report(tmp_path):
    import nbformat

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("n = 1")])
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, tmp_path / "book.ipynb")
    sweep = Sweep(notebook=str(tmp_path / "book.ipynb"), parameters={"n": [1, 2, 3]}, repeats=2)

    def recorded(job):
        n = job.parameters["n"]
        figures = {"p99_seconds": 1e-3 * n, "rate_per_second": 1e6 * n}
        return Outcome(state="done", seconds=1.0, figures=figures)

    result = write_store(tmp_path / "s", sweep, recorded)
    assert result.metric == ("rate_per_second", "msg/s")
    assert list(result.points["value"]) == [1e6, 2e6, 3e6]
    assert "3 of 3 points are on the front" in store_report(result).html()


def test_the_command_that_is_shown_gives_the_same_sweep(tmp_path):
    import shlex

    from aethermodel.sweep.plan import parse_axes

    sweep = kernel_sweep(seed=7, samples=2)
    words = shlex.split(rerun_command(write_store(tmp_path / "s", sweep, done)))
    axes = [words[i + 1] for i, word in enumerate(words) if word == "-p"]
    assert parse_axes(axes) == sweep.parameters
    assert words[words.index("--seed") + 1] == "7"


def test_the_command_writes_page_and_figures(tmp_path):
    write_store(tmp_path / "s", kernel_sweep(), holey)
    ran = aether("report", str(tmp_path / "s"), "-o", str(tmp_path / "r.html"), "--json", "-")
    figures = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert figures["verdict"] == "fail"
    assert figures["bytes"] == (tmp_path / "r.html").stat().st_size < 1_000_000
    assert figures["export_seconds"] > 0


def test_an_empty_store_is_one_clear_line(tmp_path):
    with pytest.raises(ValueError, match="no store of a sweep"):
        SweepResult.load(tmp_path)
    with pytest.raises(ValueError, match="no point of its sweep has finished"):
        write_store(tmp_path / "s", kernel_sweep(), lambda job: None)


pairs = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=12)


@given(pairs)
def test_the_front_is_what_nothing_beats(points):
    def beaten(p):
        return any(q[0] >= p[0] and q[1] <= p[1] and q != p for q in points)

    rates, delays = zip(*points, strict=True)
    assert front(rates, delays) == [not beaten(p) for p in points]
