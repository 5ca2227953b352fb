"""The symbolic model: the specification's figures, limits, units, what-if."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from aethermodel import BatchModel
from aethermodel.model.parameters import K, N, Parameter, UnitError
from aethermodel.model.terms import Term, affine, dispatch, fixed, knees
from aethermodel.published.specification import load_specification

costs = st.floats(1e-9, 1e-3)


def parameter(name, value, unit="s"):
    return Parameter(name, value, unit, "test", "test")


def affine_model(start, per_event):
    return BatchModel(
        [
            fixed("loop", parameter("t_loop", start)),
            affine("kernel", None, parameter("t_event", per_event, "s/event")),
        ]
    )


def test_the_specification_on_paper():
    specification = load_specification()
    model = specification.model()
    assert float(model.seconds_at(10_000)) == pytest.approx(122.05e-6, abs=1e-12)
    assert float(model.throughput_at(10_000)) == pytest.approx(81.9336e6, rel=1e-5)
    assert model.limit_per_second() == pytest.approx(100e6)
    assert model.n_half() == pytest.approx(2205)
    assert specification.memory_bound_per_second() == pytest.approx(1e9)
    assert model.binding_term(1) == "loop"
    assert model.binding_term(10_000) == "kernel"
    assert all(p.source and p.meaning for p in specification.parameters.values())


@given(costs, costs)
def test_limit_and_n_half_of_an_affine_law_are_the_closed_forms(start, per_event):
    model = affine_model(start, per_event)
    assert model.limit_per_second() == pytest.approx(1 / per_event)
    assert model.n_half() == pytest.approx(start / per_event, rel=1e-6)


@given(costs, costs, st.lists(st.integers(1, 10**6), min_size=2, max_size=5, unique=True))
def test_throughput_rises_with_the_batch_and_stays_below_the_limit(start, per_event, sizes):
    rates = affine_model(start, per_event).throughput_at(sorted(sizes))
    assert (np.diff(rates) > 0).all()
    assert (rates < 1 / per_event).all()


@given(costs, costs, st.integers(1, 10**6))
def test_expression_and_numeric_function_agree(start, per_event, n):
    model = knee_model(start, per_event)
    symbolic = model.t_batch.subs({p.symbol: p.value for p in model.parameters.values()})
    exact = float(symbolic.subs({K: 7, N: n}))
    assert float(model.seconds_at(n)) == pytest.approx(exact, rel=1e-12)


def knee_model(start=4e-6, per_event=8e-9):
    kernel = knees(
        "kernel",
        parameter("t_kernel", start),
        parameter("t_event", per_event, "s/event"),
        [(parameter("N_L2", 2048, "event"), parameter("t_event_L3", 20e-9, "s/event"))],
    )
    loop = dispatch(parameter("t_tick", 1e-6), parameter("t_call", 1e-7, "s/call"))
    return BatchModel([kernel, loop], calls=7)


def test_knees_bend_the_law_and_set_the_limit():
    model = knee_model()
    below, above = model.seconds_at([2048, 4096])
    assert below == pytest.approx(1e-6 + 7e-7 + 4e-6 + 2048 * 8e-9)
    assert above - below == pytest.approx(2048 * 28e-9)
    assert model.limit_per_second() == pytest.approx(1 / 28e-9)
    assert [term.name for term in model.terms] == ["loop", "kernel"]


def test_calls_may_depend_on_the_batch_size():
    loop = dispatch(parameter("t_tick", 0.0), parameter("t_call", 1.0, "s/call"))
    model = BatchModel([loop], calls=4 * (1 - sympy.Rational(3, 4) ** N))
    assert model.seconds_at([1, 1000]) == pytest.approx([1, 4])


def test_without_a_cost_an_event_there_is_no_limit():
    model = BatchModel([fixed("loop", parameter("t_loop", 1e-6))])
    assert model.limit_per_second() == float("inf")
    assert model.n_half() == float("inf")


def test_what_if_replaces_values_and_says_so():
    model = load_specification().model()
    faster = model.replaced("assumed", t_loop=1e-6)
    assert float(faster.seconds_at(10_000)) == pytest.approx(103.05e-6)
    assert faster.parameters["t_loop"].source == "assumed"
    assert model.parameters["t_loop"].value == pytest.approx(20e-6)
    with pytest.raises(ValueError, match="no parameter 't_lop'"):
        model.replaced("assumed", t_lop=1.0)


def test_latex_has_every_symbol():
    assert r"T_{batch} = N t_{kernel} + t_{fabric} + t_{ffi} + t_{loop}" in (
        load_specification().model().latex()
    )


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: fixed("loop", parameter("a", 1, "s/event")), UnitError, "not a time"),
        (lambda: affine("kernel", parameter("a", 1), parameter("b", 1)), UnitError, "adds"),
        (lambda: dispatch(parameter("a", 1), parameter("b", 1, "s/event")), UnitError, "adds"),
        (lambda: parameter("a", 1, "us"), UnitError, "unit 'us'"),
        (lambda: parameter("a", -1), ValueError, "must not be negative"),
        (lambda: parameter("a", float("nan")), ValueError, "must not be negative"),
        (lambda: fixed("no name", parameter("a", 1)), ValueError, "a term's name is letters"),
        (lambda: Term("loop", N * K, ()), UnitError, "not a time"),
        (lambda: Term("loop", sympy.Symbol("x"), ()), ValueError, "no parameter for x"),
        (lambda: BatchModel([fixed("loop", parameter("a", 1))] * 2), ValueError, "share a name"),
        (lambda: affine_model(1, 1).seconds_at(0), ValueError, "must be positive"),
    ],
)
def test_nonsense_is_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_terms_of_any_name_are_summed_after_the_built_in_ones():
    model = BatchModel([fixed("decode", parameter("d", 2.0)), fixed("ffi", parameter("f", 1.0))])
    assert [term.name for term in model.terms] == ["ffi", "decode"]
    assert float(model.seconds_at(10)) == 3.0
