"""Report of laws: one page, its figure, its tables, and the command that writes it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import aether

from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements
from aethermodel.report import style
from aethermodel.report.figures import law as figures
from aethermodel.report.laws.law_page import law_report, verdict_block

SAMPLES = Path(__file__).parents[1] / "readers" / "samples"


def laws_of(**curves):
    """Fit affine curves of a start and a slope, with a little noise."""
    rng = np.random.default_rng(1)
    sizes = np.repeat(2.0 ** np.arange(12), 3)
    frame = {"n": [], "seconds": [], "host": []}
    for name, (start, slope) in curves.items():
        frame["n"] += sizes.tolist()
        frame["seconds"] += ((start + slope * sizes) * rng.normal(1, 0.01, sizes.size)).tolist()
        frame["host"] += [name] * sizes.size
    return fit(Measurements.from_frame(frame, size="n", time="seconds", group="host"))


@pytest.fixture(scope="module")
def two():
    return laws_of(a=(1e-5, 1e-8), b=(2e-5, 3e-8))


@pytest.fixture(scope="module")
def one():
    return laws_of(a=(1e-5, 1e-8))


def test_a_curve_goes_through_hundreds_of_sizes_and_is_dashed_beyond(one):
    law = one.only()
    shown = figures.law_figure(law)
    assert len(shown.table) > 300
    assert shown.table["extrapolated"].any() and not shown.table["extrapolated"].all()
    assert shown.table["n"].max() == pytest.approx(4 * law.largest)
    assert "extrapolated where dashed" in shown.title
    (axes,) = shown.figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    dashed = [line for line in axes.lines if line.is_dashed()]
    (measured,) = (line for line in axes.lines if line.get_label() == "measured")
    assert len(dashed) == 1 and len(measured.get_xdata()) == 12
    assert len(shown.view) == 12
    kept = shown.table.dropna(subset="measured_seconds")
    assert kept["measured_seconds"].tolist() == law.means.tolist()
    assert "rows in the file, 12 here)" in shown._repr_html_()


def test_size_zero_is_told_and_not_drawn():
    sizes = np.repeat([0.0, *2.0 ** np.arange(10)], 2)
    frame = {"n": sizes, "seconds": 1e-5 + 1e-8 * sizes}
    shown = figures.law_figure(fit(frame, size="n", time="seconds").only())
    assert "size 0 took 10.0 µs and is not drawn" in shown.caption
    assert (shown.table["n"] > 0).all()


def test_one_law_has_its_words_figure_parameters_and_answers(one):
    page = law_report(one, rate=1e5, command="aethermodel report law.json")
    assert page.count("<svg") == 1 and "<script" not in page
    for words in ("law: affine", "95 % interval", "Next size to measure", "at least 100,000"):
        assert words.lower() in page.lower(), words
    assert "aethermodel report law.json" in page
    assert "<mi>T</mi><mo>=</mo>" in page  # the law in symbols, above their values


def test_several_laws_are_grouped_on_one_page(two):
    page = law_report(two)
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert headings == ["All curves", "host=a", "host=b", "Source"]
    assert page.count("<svg") == 3
    assert "2 curves, 2 with a law that holds" in str(verdict_block(two))


def test_names_from_a_file_are_text(two):
    from dataclasses import replace

    evil = "<script>alert(1)</script>$x$`y`"
    laws = {evil: replace(two["host=a"], name=evil, source=evil, notes=(evil,)), "b": two["host=b"]}
    page = law_report(laws)
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_answers_write_rates_in_full_and_leave_out_costs_of_nothing(one):
    page = law_report(one, rate=1e6, latency=1e-2)
    assert "at 1,000,000/s" in page and "e+06" not in page
    assert "within 10.0\N{NO-BREAK SPACE}ms" in page
    assert not re.search(r">0 % of T", page)
    assert "grows with the size" in page and "a fixed cost of the batch" in page


def test_a_law_has_one_name_in_words_table_and_figure():
    sizes = np.repeat(2.0 ** np.arange(12), 3)
    seconds = 1e-6 + 1e-8 * sizes + 9e-8 * np.maximum(0, sizes - 100)
    noisy = seconds * np.random.default_rng(2).normal(1, 0.003, sizes.size)
    law = fit({"n": sizes, "seconds": noisy}, size="n", time="seconds").only()
    assert law.family == "knees"
    page = law_report({"": law})
    assert "Affine with knees" in page and "law: affine with knees" in page
    assert "knees law" not in page
    [knee] = [p for p in law.parameters if p.name == "N1"]
    # The size where the law changes reads the same among parameters and answers.
    assert page.count(figures.size_text(knee.value)) >= 2


def test_a_law_that_does_not_hold_is_inconclusive():
    rng = np.random.default_rng(3)
    sizes = np.repeat(2.0 ** np.arange(12), 3)
    third = np.repeat(np.exp(rng.normal(-9, 1.5, 12)), 3)
    frame = {"n": sizes, "seconds": third * rng.normal(1, 0.01, sizes.size)}
    laws = fit(frame, size="n", time="seconds")
    assert not laws.only().holds
    assert str(verdict_block(laws)).startswith("INCONCLUSIVE")
    assert "<svg" in law_report(laws)


@pytest.mark.filterwarnings("error")  # matplotlib's, that no room was left for the axes
def test_long_names_leave_a_figure_to_its_curves():
    names = [f"probe=x, figures={'1.0123456789, ' * 12}event_loop={end}" for end in "ab"]
    shown = figures.laws_figure(laws_of(**dict.fromkeys(names, (1e-5, 1e-8))))
    (axes,) = shown.figure.axes
    assert axes.get_position().width > 0.7
    told = [text.get_text() for text in axes.get_legend().get_texts()]
    assert [(text[:12], text[-12:]) for text in told] == [
        ("host=probe=x", "event_loop=a"),
        ("host=probe=x", "event_loop=b"),
    ]
    assert max(map(len, told)) <= 48
    assert set(shown.table["curve"]) == {f"host={name}" for name in names}  # whole


def test_a_law_of_two_variables_is_drawn_by_its_means():
    from aethermodel.readers.read import read

    laws = fit(read(SAMPLES / "extra_p.jsonl", unit="s", size="size"))
    page = law_report(laws)
    assert "<svg" in page and "second variable, p" in page


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("osu_allreduce.txt", ("--rate", "1e5", "--p99", "1ms")),
        ("pyperf.json", ()),
        ("semicolons.csv", ()),
        ("extra_p.txt", ("--unit", "s")),
    ],
)
def test_measurements_have_a_page_in_one_command(tmp_path, file, options):
    """A page took a law file alone: of measurements it said "not a readable notebook"."""
    page = tmp_path / "page.html"
    done = aether("report", SAMPLES / file, "-o", page, *options)
    assert done.returncode == 0, done.stderr
    assert "<svg" in page.read_text(encoding="utf-8") and "law" in done.stdout


def test_what_a_page_cannot_be_made_of_is_said_in_one_line(two, tmp_path):
    (tmp_path / "other.json").write_text(json.dumps({"schema": "aethermodel.bound/1"}))
    (tmp_path / "prose.txt").write_text("nothing was measured\n")
    for file, options, words in (
        (tmp_path / "other.json", (), "bound/1', which has no law; give measurements, or a"),
        (tmp_path / "other.json", (), "`aethermodel fit MEASUREMENTS -o law.json`"),
        (tmp_path / "prose.txt", (), "prose.txt"),
        (SAMPLES / "extra_p.txt", (), "give --unit"),
        (SAMPLES / "pyperf.json", ("--p99", "soon"), "--p99"),
        (SAMPLES / "pyperf.json", ("--calibration", tmp_path / "other.json"), "--calibration"),
    ):
        done = aether("report", file, "-o", tmp_path / "page.html", *options)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_the_document_of_a_fit_has_the_page_of_its_laws(tmp_path):
    done = aether("fit", SAMPLES / "pyperf.json", "--json", tmp_path / "fit.json")
    assert done.returncode == 0, done.stderr
    done = aether("report", tmp_path / "fit.json", "-o", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (tmp_path / "none.json").write_text(json.dumps({"schema": "aethermodel.fit/1", "laws": []}))
    done = aether("report", tmp_path / "none.json", "-o", tmp_path / "none.html")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "none.json: no law file: laws: " in done.stderr


def test_the_command_writes_one_page(two, tmp_path):
    two.save(tmp_path / "law.json")
    page, told = tmp_path / "law.html", tmp_path / "told.json"
    done = aether("report", tmp_path / "law.json", "-o", page, "--json", told, "--rate", "1e5")
    assert done.returncode == 0
    assert "2 of 2 curves have a law that holds" in " ".join(done.stdout.split())
    assert json.loads(told.read_text())["curves"] == 2 and "host=b" in page.read_text()


def test_ticks_of_a_narrow_axis_differ():
    sizes = np.repeat(2.0 ** np.arange(10), 2)
    shown = figures.law_figure(
        fit({"n": sizes, "t": 3e-6 + 4e-9 * sizes}, size="n", time="t").only()
    )
    (axes,) = shown.figure.axes
    shown.figure.canvas.draw()
    least, most = axes.get_ylim()
    labels = [
        label.get_text()
        for label in axes.get_yticklabels()
        if label.get_text() and least <= label.get_position()[1] <= most
    ]
    assert len(labels) > 1 and len({*labels}) == len(labels)


def test_a_law_is_written_once_in_symbols(one):
    """It stood above its parameters twice, once without its T."""
    page = law_report(one)
    assert page.count('<math display="block">') == 1
    assert re.search(r'<math display="block">.{0,80}<mi>T</mi><mo>=</mo>', page)


def test_goals_begin_as_all_other_questions_do(one):
    page = law_report(one, rate=1e6, latency=1e-2)
    asked = re.findall(r"<tr><td[^>]*>([^<]+)</td>", page.partition("Question")[2])
    assert any(question.startswith("At least") for question in asked)
    assert all(question[0].isupper() or question[0].isdigit() for question in asked)


@pytest.mark.parametrize(("low", "high"), [(0.95e-6, 1.5e-6), (1.01e-6, 1.04e-6), (2e-9, 3.9e-9)])
def test_an_axis_of_a_narrow_span_has_several_labels_all_different(low, high):
    """From 0.95 to 1.5 µs there was one, which tells no scale."""
    drawn = style.new_figure()
    axes = drawn.subplots()
    axes.plot([1, 10], [low, high])
    axes.set(xscale="log", yscale="log")
    style.log_ticks(axes.yaxis, "s")
    drawn.canvas.draw()
    bottom, top = axes.get_ylim()
    shown = [
        (text.get_text(), at)
        for text, at in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
        if bottom <= at <= top
    ]
    assert len(shown) >= 3
    assert len({text for text, _ in shown}) == len(shown)
    scale = {"ps": 1e-12, "ns": 1e-9, "µs": 1e-6}
    for text, at in shown:
        figure, unit = text.split()
        assert float(figure) * scale[unit] == pytest.approx(at, rel=1e-6)


def test_points_that_are_joined_are_not_said_to_obey_a_law():
    """Each was off a law by 0.0 %, which does not hold: what joins them goes through all."""
    sizes = np.repeat(2.0 ** np.arange(12), 3)
    noise = np.random.default_rng(0).normal(1, 0.001, sizes.size)
    seconds = (1e-6 + 1e-8 * sizes) * np.exp(0.1 * np.sin(1.5 * np.log(sizes))) * noise
    law = fit({"n": sizes, "seconds": seconds}, size="n", time="seconds").only()
    assert law.interpolates
    assert list(figures.law_figure(law).view) == ["n", "Measured", "95 % interval"]


def test_a_law_that_holds_is_held_against_what_was_measured(one):
    view = figures.law_figure(one.only()).view
    assert list(view)[1:3] == ["Measured", "Law"]
    assert view.columns[-1] == "Measured / law \N{MINUS SIGN} 1"


def test_notes_have_a_section_of_their_own(one):
    from dataclasses import replace

    law = replace(one.only(), notes=("what the wire adds", *(f"note {n}" for n in range(30))))
    page = law_report({"": law})
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    assert headings == ["Law", "Answers", "Notes", "Source"]
    assert "What the wire adds." in page
    assert "And 11 more notes." in page
    assert "Notes" not in re.findall(r"<h2[^>]*>([^<]*)</h2>", law_report(one))
