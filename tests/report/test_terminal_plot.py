"""Plots on a terminal: as wide as asked for, in signs that it can show."""

import numpy as np
import pytest
from own_laws import affine

from aethermodel.report.laws.terminal_plot import Curve, picture, plot

SIZES = np.geomspace(1, 1e6, 50)
CURVE = Curve(SIZES, 1e-6 + 1e-9 * SIZES, SIZES[::10], (1e-6 + 1e-9 * SIZES)[::10], "B")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("braille", [True, False])
def test_a_plot_is_as_wide_as_asked_for(width, braille):
    lines = plot(CURVE, width, braille=braille).splitlines()
    assert len(lines) == 16
    assert max(map(len, lines)) in (width - 1, width)
    assert sum(line.count("o") for line in lines) == 5
    assert lines[-1].split()[0] == "1"
    assert lines[-1].endswith("1,000,000 B")
    assert "1.00 ms" in lines[0]
    signs = set("".join(lines[:-2]))
    assert all(ord(sign) < 128 or sign == "µ" for sign in signs) is not braille


def test_the_law_goes_through_its_data():
    lines = plot(CURVE, 80, braille=False).splitlines()
    # In every column the line is there: no gap, and one row a column.
    columns = range(9, 78)
    assert all(any(line[at : at + 1] in (".", "o") for line in lines[:14]) for at in columns)


def test_a_constant_and_a_law_at_size_0_can_be_drawn():
    flat = Curve(np.array([1.0, 2.0]), np.array([1e-3, 1e-3]), np.array([0.0]), np.array([1e-3]))
    assert plot(flat, 40, braille=False).count(".") > 20
    assert picture(affine(), 60).count("o") == 8
