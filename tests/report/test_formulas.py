"""Formulas in notebooks are those of the page, with their meanings and source."""

import re

import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.term_fit.fit_formulas import fit_equations
from aethermodel.model.batch import BatchModel
from aethermodel.model.model_formulas import model_equations
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import fixed
from aethermodel.report.math.formulas import MOST_SYMBOLS, batch_formula, printed

TICK = Parameter("t_tick", 2e-6, "s", "a tick", "test")
LOOP = Parameter("t_loop", 1e-6, "s", "the loop", "test")
NAMES = sorted(model_equations() | fit_equations())


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_of_the_page_is_drawn_with_its_source(name):
    shown = printed(name)
    assert shown._repr_html_().count("<math") == 1
    assert shown.legend[-1].meaning == (model_equations() | fit_equations())[name].source


def test_the_batchs_formula_names_every_parameter():
    known = synthetic_calibration()
    shown = batch_formula(known.model())
    named = [str(row.symbol) for row in (shown.more or shown).legend]
    assert named == [*known.parameters, "N", "K"]


def test_the_batchs_formula_is_in_the_order_of_its_terms():
    model = synthetic_calibration(t_send=1e-6, t_send_event=1e-9).model()
    shown = batch_formula(model, 1000)
    # Six terms by name at first sight, and the rest one click further.
    assert len(shown.legend) + 1 <= MOST_SYMBOLS < len(shown.more.legend)
    named = [str(row.symbol).removesuffix("(N)") for row in shown.legend]
    assert named == ["T_loop", "T_ffi", "T_kernel", "T_fabric", "T_send", "N"]
    assert all(row.quantity.endswith(" at N = 1,000") for row in shown.legend[:-1])
    first, _, full = re.sub("<[^>]*>", "", shown._repr_html_()).partition("In full, with all")
    # The formula stands before its legend, which starts with the first symbol again.
    places = [first.index(name) for name in ("loop", "ffi", "kernel", "fabric")]
    assert places == sorted(places)
    places = [full.index(name) for name in ("tick", "call", "ffi", "kernel", "fabric", "send")]
    assert places == sorted(places)
    assert shown._repr_html_().count("<details>") == 1


def test_a_formula_of_few_symbols_is_shown_in_full():
    shown = batch_formula(BatchModel([fixed("fabric", TICK), fixed("loop", LOOP)]))
    assert shown.more is None
    assert [str(row.symbol) for row in shown.legend] == ["t_loop", "t_tick", "N"]


def test_what_the_page_has_not_is_refused():
    with pytest.raises(ValueError, match="has no formula 'n-third'"):
        printed("n-third")
    with pytest.raises(ValueError, match="n-half has no symbol 'z'"):
        printed("n-half", z="nothing")
