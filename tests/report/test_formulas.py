"""Formulas in notebooks are those of the page, with their meanings and source."""

import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.equations import fit_equations
from aethermodel.model.equations import model_equations
from aethermodel.report.formulas import batch_formula, printed

NAMES = sorted(model_equations() | fit_equations())


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_of_the_page_is_drawn_with_its_source(name):
    shown = printed(name)
    assert shown._repr_html_().count("<math") == 1
    assert shown.legend[-1].meaning == (model_equations() | fit_equations())[name].source


def test_the_batchs_formula_names_every_parameter():
    known = synthetic_calibration()
    named = [str(row.symbol) for row in batch_formula(known.model()).legend]
    assert named == [*known.parameters, "N", "K"]


def test_what_the_page_has_not_is_refused():
    with pytest.raises(ValueError, match="has no formula 'n-third'"):
        printed("n-third")
    with pytest.raises(ValueError, match="n-half has no symbol 'z'"):
        printed("n-half", z="nothing")
