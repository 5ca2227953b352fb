"""Formulas as one writes them: terms in their order, what is paid once first, no minus first."""

import sympy
from hypothesis import given
from hypothesis import strategies as st
from synthetic_calibration import synthetic_calibration

from aethermodel.model.notation import as_text, plus_first
from aethermodel.published.specification import load_specification

SYMBOLS = sympy.symbols("a b c d")


def test_a_budget_on_paper_is_in_the_order_of_its_terms():
    model = load_specification().model()
    assert model.formula == "T_batch = t_loop + t_ffi + t_kernel*N + t_fabric"


def test_in_a_term_comes_first_what_is_paid_once():
    model = synthetic_calibration().model()
    firsts = [str(term.summands[0]) for term in model.terms]
    assert firsts == [term.parameters[0].name for term in model.terms]
    text = model.formula.removeprefix("T_batch = ")
    assert [text.index(first) for first in firsts] == sorted(text.index(first) for first in firsts)
    same = sympy.sympify(text, locals={s.name: s for s in model.t_batch.free_symbols})
    assert sympy.simplify(same - model.t_batch) == 0


@given(st.lists(st.tuples(st.sampled_from(SYMBOLS), st.booleans()), min_size=1, max_size=6))
def test_no_sum_begins_with_a_minus_that_need_not(drawn):
    summands = [symbol if positive else -symbol for symbol, positive in drawn]
    ordered = plus_first(summands)
    assert sorted(map(str, ordered)) == sorted(map(str, summands))
    assert (str(ordered[0])[0] == "-") == all(not positive for _, positive in drawn)


def test_a_size_for_a_rate_is_written_with_the_plus_first():
    a, b = sympy.symbols("a b")
    assert as_text(1 / (1 - b * a)) == "1/(1 - a*b)"
