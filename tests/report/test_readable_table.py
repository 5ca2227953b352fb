"""Tables behind figures: units, words, yes and no; the file to save keeps the data."""

import math

import pandas as pd
import pytest
from executed_notebooks import raw_cells

from aethermodel.report.figure import ReportFigure, describe
from aethermodel.report.readable_table import CHANGE, REST, SHARE, column_figures, readable
from aethermodel.report.style import new_figure

TABLE = pd.DataFrame(
    {
        "n": [1.0, 2.512, 10_000.0],
        "p99_seconds": [1.99e-6, 2.194e-6, math.nan],
        "messages_per_second": [505_100.0, 1.387e6, 6.192e8],
        "all_per_second": [5e5, 1e6, 6e8],
        "left_out_share": [0.0, 0.25, 1.0],
        "error": [-0.01084, 0.01088, 0.0],
        "on_front": [True, False, True],
        "point": ["batch_size=1", "b", "c"],
        "cores": [1, 2, 4096],
    }
)


def test_figures_have_units_and_names_are_words():
    shown = readable(TABLE, {"error": CHANGE})
    assert list(shown) == [
        "N", "P99", "messages", "all", "left out share", "error", "on front", "point", "cores",
    ]  # fmt: skip
    assert shown.iloc[1].tolist() == [
        "2.51", "2.19 µs", "1.39 M messages/s", "1.00 M/s", "25.0 %", "+1.1 %", "no", "b", 2,
    ]  # fmt: skip
    assert shown.loc[2, "P99"] == "–" and shown.loc[2, "N"] == "10,000"


def test_a_unit_may_be_of_all_other_columns():
    shown = readable(pd.DataFrame({"n": [8.0], "loop": [0.25], "ffi": [0.75]}), {REST: SHARE})
    assert shown.iloc[0].tolist() == ["8", "25.0 %", "75.0 %"]


def test_columns_that_read_alike_keep_their_names():
    table = pd.DataFrame({"low": [1.0], "low_seconds": [1.0]})
    assert list(readable(table)) == ["low", "low_seconds"]


def test_behind_a_figure_stands_what_is_read_and_in_the_file_the_data():
    figure = ReportFigure(new_figure(), TABLE, "A title", "A caption.", units={"error": CHANGE})
    page = figure._repr_html_()
    assert not raw_cells(page) and ">1.99 µs<" in page
    assert raw_cells(page.replace(">1.99 µs<", ">1.99e−06<")) == ["1.99e−06"]
    assert "P99 1.99 µs to 2.19 µs" in page  # its words, too


@pytest.mark.parametrize(("value", "words"), [(math.inf, "unbounded"), (0.25, "0.2500")])
def test_plain_figures_have_words(value, words):
    assert describe(pd.DataFrame({"value": [value]})) == f"1 rows. value {words}."


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.0, 0.2, 1.0, 1.6], ["0.0", "0.2", "1.0", "1.6"]),
        ([0.997, math.nan, -1.5], ["0.997", "–", "−1.500"]),
        ([1.0, 10.0, 4096.0], ["1", "10", "4,096"]),
        ([0.125, 12_345.6], ["0.1250", "12,350"]),  # digits of the large one would mean nothing
        ([0.000123, 1.5], ["0.0001230", "1.500"]),
        ([], []),
    ],
)
def test_figures_of_a_column_have_as_many_digits_after_the_point(values, words):
    assert column_figures(pd.Series(values, dtype=float)) == words


def test_figures_in_words_stay_beside_their_units():
    table = pd.DataFrame({"answer": ["1.72 M rows/s (1.71 to 1.75 M rows/s)", "2.5 µs"]})
    page = ReportFigure(new_figure(), table, "t", "c.")._repr_html_()
    assert "1.72~M~rows/s (1.71 to 1.75~M~rows/s)".replace("~", "\N{NO-BREAK SPACE}") in page


@pytest.mark.parametrize(
    ("ceilings", "heading", "cell"),
    [(8, "ceiling 0", "351 k events/s"), (9, "ceiling 0, events/s", "351 k")],
)
def test_a_wide_table_has_the_unit_of_its_rates_in_the_head(ceilings, heading, cell):
    rates = {f"ceiling_{at}": [351e3, math.nan] for at in range(ceilings)}
    shown = readable(pd.DataFrame({"n": [1, 1000], **rates}), {REST: "events/s"})
    assert list(shown)[:2] == ["N", heading]
    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown[heading]] == [cell, "–"]
