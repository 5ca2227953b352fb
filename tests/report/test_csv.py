"""CSV that a spreadsheet shows: figures stay figures, no text becomes a formula."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.report.csv import csv_text

FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def read(table: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_text(table))))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "@SUM(A1)", "+1+1", "-1+cmd", "\t=1", "\r=1", "\n=1", " =1", "=HYPERLINK(1)", "＝1"],
)
def test_no_text_is_taken_for_a_formula(text):
    table = pd.DataFrame({text: [text, "plain"], "n": [-1.5, 2]})
    shown = f"'{text}".replace("\r", "\n")
    assert read(table) == [[shown, "n"], [shown, "-1.5"], ["plain", "2"]]


def test_figures_stay_figures():
    table = pd.DataFrame(
        {"n": [-1, 2], "x": [-1.5e-9, float("nan")], "text": ["-5", "+1e3"], "mixed": ["=a", -7]}
    )
    assert read(table)[1:] == [["-1", "-1.5e-09", "-5", "'=a"], ["2", "", "+1e3", "-7"]]


def test_two_columns_of_one_name_and_none_at_all():
    assert read(pd.DataFrame([["=a", "b"]], columns=["x", "x"])) == [["x", "x"], ["'=a", "b"]]
    assert csv_text(pd.DataFrame()).strip() == ""


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"))))
def test_every_text_is_whole_behind_its_sign(texts):
    cells = [row[0] for row in read(pd.DataFrame({"t": texts, "n": range(len(texts))}))[1:]]
    for text, cell in zip(texts, cells, strict=True):
        assert cell in (text, f"'{text}")
        if cell == text and cell.startswith(FORMULA):
            float(cell)


def test_no_row_ends_within_a_cell():
    assert len(csv_text(pd.DataFrame({"t": ["a\r=1+1"]})).splitlines()) == 3  # quoted
    assert read(pd.DataFrame({"t": ["a\r=1+1"]})) == [["t"], ["a\n=1+1"]]
