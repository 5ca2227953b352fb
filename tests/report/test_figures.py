"""Figures say in words what they draw, draw the same twice, and refuse what they cannot trust."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from report_cases import comparison_table

from aethermodel import report
from aethermodel.report import style
from aethermodel.report.figure import describe
from aethermodel.report.figures.comparison import throughput


@pytest.fixture
def comparison() -> pd.DataFrame:
    return comparison_table()


def test_the_text_alternative_holds_every_figure_of_the_table(comparison):
    words = report.measured_vs_model(comparison, reference=81.9e6).text_alternative
    for row in comparison.itertuples():
        assert f"batch size {row.n:,}" in words
        assert report.engineering(row.n / row.measured_seconds, "msg/s") in words
        assert report.engineering(row.n / row.predicted_seconds, "msg/s") in words
    assert "held out" in words
    assert "81.9 M msg/s" in words
    assert "loopback" in words


def test_the_residual_is_measured_over_modelled_throughput(comparison):
    figure = report.measured_vs_model(comparison)
    # 10 % more time is 1/1.1 of the throughput.
    assert "−9.1 %" in figure.text_alternative
    assert list(figure.view["Measured / model − 1"])[2] == "0.0 %"


def test_the_budget_says_what_no_term_explains_with_its_sign(comparison):
    words = report.budget(comparison).text_alternative
    assert "unexplained +9.1 %" in words  # (1.1 - 1) / 1.1
    assert "unexplained −5.3 %" in words  # (0.95 - 1) / 0.95
    assert "event loop 1.50 µs" in words
    assert "kernel 100 µs" in words


@pytest.mark.parametrize("scale", ["share", "batch"])
def test_budget_bars_stack_to_the_prediction(comparison, scale):
    axes = report.budget(comparison, scale=scale).figure.axes[0]
    bars = [bar for container in axes.containers[:4] for bar in container]
    tops = {}
    for bar in bars:
        middle = round(bar.get_x() + bar.get_width() / 2)
        tops[middle] = max(tops.get(middle, 0), bar.get_y() + bar.get_height())
    unit = 100 / comparison["measured_seconds"] if scale == "share" else 1e6
    assert list(tops.values()) == pytest.approx(list(comparison["predicted_seconds"] * unit))


@pytest.mark.parametrize("bars", [9, 20, 40])
def test_totals_and_sizes_of_many_bars_do_not_overprint(comparison, bars):
    """The shipped sweep has 20 sizes: `1.98 µs` and `2.16 µs` were written over each other."""
    row = comparison[comparison["label"] == comparison["label"][0]].head(1)
    rows = pd.concat([row] * bars, ignore_index=True).assign(
        n=[1_000 * (i + 1) for i in range(bars)]
    )
    figure = report.budget(rows).figure
    figure.draw_without_rendering()
    (axes,) = figure.axes
    totals = [text.get_window_extent() for text in axes.texts]
    assert len(totals) == (bars if bars < 40 else 0)
    assert not [1 for one, other in pairwise(totals) if one.overlaps(other)]
    assert all(extent.y1 <= axes.get_window_extent().y1 for extent in totals)
    tops = [axes.transData.transform(text.xy)[1] for text in axes.texts]
    assert all(one.y0 >= top for one, top in zip(totals, tops, strict=True))
    # Turned text has the extent of its corners: the height of a line is what has to fit.
    names = [label for label in axes.get_xticklabels() if label.get_text()]
    assert names and len(names) <= 28 and (bars < 10) == (names[0].get_rotation() == 0)


def test_the_wait_for_a_slower_producer_is_part_of_the_budget(comparison):
    waits = comparison.assign(
        wait_seconds=comparison["predicted_seconds"],
        predicted_seconds=2 * comparison["predicted_seconds"],
        predicted_high=2 * comparison["predicted_high"],
    )
    figure = report.budget(waits)
    assert f"wait for the producer {figure.view['Wait for the producer'][0]}" in figure.alt
    never = report.budget(comparison.assign(wait_seconds=0.0))
    assert "Wait for the producer" not in never.view
    with pytest.raises(ValueError, match="the terms sum to"):
        report.budget(waits.drop(columns="wait_seconds"))


def law_of_the_table(least, most, largest):
    """The law that `comparison_table` is made of, at many sizes."""
    sizes = np.geomspace(least, most, 301)
    seconds = 2e-6 + 1e-8 * sizes
    return pd.DataFrame(
        {
            "n": sizes,
            "predicted_seconds": seconds,
            "predicted_low": 0.9 * seconds,
            "predicted_high": 1.1 * seconds,
            "extrapolated": sizes > largest,
        }
    )


def test_the_law_is_drawn_and_not_chords_between_points(comparison):
    figure = report.measured_vs_model(comparison, law=law_of_the_table(1, 10_000, 1_000))
    above, _ = figure.figure.axes
    lines = {line.get_label(): line for line in above.get_lines()}
    sizes, rates = lines["model"].get_data()
    assert len(sizes) > 200
    assert rates == pytest.approx(sizes / (2e-6 + 1e-8 * sizes))
    assert max(sizes) <= 1_000
    beyond = lines["model, extrapolated"]
    assert (beyond.get_linestyle(), max(beyond.get_xdata())) == ("--", 10_000)
    # The two parts meet.
    assert min(beyond.get_xdata()) == max(sizes)
    assert "extrapolated where dashed (beyond N = " in figure.caption
    assert "extrapolated" in figure.title
    [band] = [c for c in above.collections if c.get_label() == "95 % interval"]
    assert len(band.get_paths()[0].vertices) > 400
    within = report.measured_vs_model(comparison, law=law_of_the_table(1, 10_000, 10_000))
    assert "extrapolated" not in within.caption + within.title


def test_without_a_law_no_line_joins_the_models_points(comparison):
    above, _ = report.measured_vs_model(comparison).figure.axes
    [bars] = [c for c in above.containers if c.get_label().startswith("model")]
    assert bars.lines[0].get_linestyle() == "None"
    assert list(bars.lines[0].get_xdata()) == list(comparison["n"])
    assert all(line.get_linestyle() in ("None", "") for line in above.get_lines())


def test_beside_each_rate_stands_that_over_all_samples(comparison):
    whole = comparison.assign(
        seconds_all=2 * comparison["measured_seconds"], share_left_out=[0.0, 0.1, 0.2, 0.39]
    )
    figure = report.measured_vs_model(whole)
    [crosses] = [
        line for line in figure.figure.axes[0].get_lines() if line.get_label() == "over all samples"
    ]
    rates = whole["n"] / whole["measured_seconds"]
    assert list(crosses.get_ydata()) == pytest.approx(list(rates / 2))
    assert list(figure.view["Over all samples"]) == [
        report.engineering(rate / 2, "msg/s") for rate in rates
    ]
    assert list(figure.view["Left out"]) == ["0 %", "10 %", "20 %", "39 %"]
    assert "over all samples, 39 % left out" in figure.text_alternative
    assert "Over all samples" not in report.measured_vs_model(comparison).view


@pytest.mark.parametrize("draw", [report.measured_vs_model, report.budget])
def test_captions_name_the_label_and_who_measured(comparison, draw):
    figure = draw(comparison, measured_by="Measured by hand on host x.")
    assert figure.caption.startswith("Label: loopback.")
    assert figure.caption.endswith("Measured by hand on host x.")
    assert "loopback" in figure.title


def test_several_labels_share_a_figure_but_not_a_budget(comparison):
    both = pd.concat([comparison, comparison.assign(label="shared-memory")], ignore_index=True)
    words = report.measured_vs_model(both).text_alternative
    assert "Label loopback." in words
    assert "Label shared-memory." in words
    with pytest.raises(ValueError, match="several labels"):
        report.budget(both)
    assert "shared-memory" in report.budget(both, label="shared-memory").title
    with pytest.raises(ValueError, match="no label 'x'"):
        report.budget(both, label="x")


def test_one_point_is_enough(comparison):
    for draw in (report.measured_vs_model, report.budget):
        assert "1 row)" in draw(comparison.head(1))._repr_html_()


def test_svg_is_deterministic_named_and_free_of_the_outside(comparison):
    figure = report.measured_vs_model(comparison)
    svg = figure.svg()
    assert svg == figure.svg() == report.measured_vs_model(comparison).svg()
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    texts = {element.get("id"): element.text for element in root[:2]}
    first, second = root.get("aria-labelledby").split()
    assert texts[first] == figure.title
    assert texts[second] == figure.text_alternative
    for foreign in ("http", "<style", "<metadata", "<?xml", "<!DOCTYPE"):
        assert foreign not in svg
    ids = re.findall(r'\sid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    targets = re.findall(r'(?:url\(#|href="#)([^")]+)', svg)
    assert targets
    assert set(targets) <= set(ids)


def test_two_figures_share_no_ids(comparison):
    drawn = [report.measured_vs_model(comparison).svg(), report.budget(comparison).svg()]
    first, second = (set(re.findall(r'\sid="([^"]*)"', svg)) for svg in drawn)
    assert not first & second


def test_the_data_behind_a_figure_can_be_saved(comparison):
    html = report.budget(comparison)._repr_html_()
    data = re.search(r'href="data:text/csv;base64,([^"]+)"', html)[1]
    saved = pd.read_csv(io.BytesIO(base64.b64decode(data)))
    np.testing.assert_allclose(saved["measured_seconds"], comparison["measured_seconds"])


def test_any_figure_gets_words_made_from_its_table():
    with style.styled():
        figure = style.new_figure()
        figure.subplots().plot([1, 2], [3, 4])
    table = pd.DataFrame({"n": [1, 2000], "seconds": [0.5, np.nan], "label": ["a", "<b>"]})
    html = report.figure_html(figure, table, "A <title>", "Caption & more")
    assert "N 1 to 2,000" in html
    assert "A &lt;title&gt;" in html
    assert "<b>" not in html
    assert "Caption &amp; more" in html
    assert "own words" in report.figure_html(figure, table, "t", "c", alt="own words")
    with pytest.raises(ValueError, match="text alternative"):
        report.figure_html(figure, table.head(0), "t", "c")
    with pytest.raises(ValueError, match="needs a title"):
        report.figure_html(figure, table, " ", "c")


def test_describe_counts_what_it_leaves_out():
    table = pd.DataFrame({"name": list("abcdefgh"), "value": [3.0] * 8, "none": [None] * 8})
    assert describe(table) == "8 rows. name: a, b, c, d, e and 3 more; value 3; none: no values."


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("measured_seconds", 0.0, "not a positive number"),
        ("measured_seconds", float("nan"), "not a positive number"),
        ("n", -1, "not a positive number"),
        ("kernel_seconds", -1e-9, "negative"),
        ("predicted_low", 1.0, "outside its own interval at batch size 1"),
        ("label", " ", "needs its fabric's label"),
        ("n", 100, "occurs twice"),
        ("predicted_high", "x", "not numeric"),
    ],
)
def test_a_malformed_table_is_refused(comparison, column, value, message):
    bad = comparison.astype(object)
    bad.loc[0, column] = value
    for draw in (report.measured_vs_model, report.budget):
        with pytest.raises(ValueError, match=message):
            draw(bad)


def test_missing_columns_rows_and_wrong_options_are_refused(comparison):
    with pytest.raises(ValueError, match="lacks label, held_out"):
        report.measured_vs_model(comparison.drop(columns=["label", "held_out"]))
    with pytest.raises(ValueError, match="no rows"):
        report.budget(comparison.head(0))
    with pytest.raises(ValueError, match="reference throughput"):
        report.measured_vs_model(comparison, reference=0.0)
    with pytest.raises(ValueError, match="scale must be"):
        report.budget(comparison, scale="pie")
    with pytest.raises(ValueError, match="terms sum to"):
        report.budget(comparison.assign(loop_seconds=3e-6))


def test_the_style_changes_looks_and_not_the_backend():
    import matplotlib as mpl

    with mpl.rc_context():
        before = mpl.rcParams["backend"]
        report.use_style()
        assert mpl.rcParams["backend"] == before
        assert mpl.rcParams["axes.labelcolor"] == style.INK
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][0]


def test_every_term_has_its_own_colour_and_name():
    assert len(set(style.TERM_COLOURS.values())) == len(style.TERM_COLOURS)
    assert style.TERM_COLOURS.keys() == style.TERM_NAMES.keys()


def test_a_prediction_without_a_lower_end_is_drawn(comparison):
    comparison["predicted_low"] = 0.0
    assert "<svg" in report.measured_vs_model(comparison)._repr_html_()
    drawn = throughput(comparison)
    assert drawn["predicted_rate_high"].to_numpy() == pytest.approx(100 * drawn["predicted_rate"])
