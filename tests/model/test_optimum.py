"""Closed forms against brute force and against SymPy, for drawn laws."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.model.batch import BatchModel
from aethermodel.model.binding_term import bottleneck_map
from aethermodel.model.optimal_batch_size import (
    best_rate,
    best_within,
    size_for_rate,
    size_for_share,
    size_within,
)
from aethermodel.model.parameters import K, N, Parameter
from aethermodel.model.piecewise_law import Law, pieces
from aethermodel.model.pipelined import Pipelined
from aethermodel.model.roofline import bandwidth_ceiling, interpreter_ceiling, lowest
from aethermodel.model.sensitivity import elasticity, gains
from aethermodel.model.terms import affine, dispatch, fixed, knees


def parameter(name, value, unit="s"):
    return Parameter(name, value, unit, name, "test")


def build(tick, call, event, knee=None, rise=0.0, topics=16):
    loop = dispatch(parameter("t_tick", tick), parameter("t_call", call, "s/call"))
    start, per_event = parameter("t_kernel", 1e-7), parameter("t_event", event, "s/event")
    hinges = []
    if knee:
        hinges = [(parameter("N_L2", knee, "event"), parameter("t_beyond_L2", rise, "s/event"))]
    kernel = knees("kernel", start, per_event, hinges)
    calls = topics * (1 - (1 - sympy.Rational(1, topics)) ** N)
    return BatchModel([loop, fixed("ffi", parameter("t_ffi", 1e-7)), kernel], calls=calls)


cost = st.floats(1e-7, 1e-4)
models = st.builds(
    build,
    tick=cost,
    call=st.floats(0, 1e-6),
    event=st.floats(1e-10, 1e-7),
    knee=st.none() | st.floats(10, 1e5),
    rise=st.floats(0, 1e-7),
    topics=st.integers(1, 200),
)


@settings(deadline=None, max_examples=15)
@given(models, st.floats(1, 1e7))
def test_law_and_model_agree(model, n):
    law = Law.of(model)
    assert law.seconds(n)[0] == pytest.approx(float(model.seconds_at(n)), rel=1e-9)


@settings(deadline=None, max_examples=15)
@given(models)
def test_no_batch_size_is_faster_than_the_best_rate(model):
    rate, size = best_rate(Law.of(model))
    assert (model.throughput_at(np.geomspace(1, 1e9, 500)) <= rate[0] * (1 + 1e-9)).all()
    at = size[0] if np.isfinite(size[0]) else 1e14
    assert model.throughput_at(at) == pytest.approx(rate[0], rel=1e-4)


@settings(deadline=None, max_examples=15)
@given(models, st.floats(1, 1e6))
def test_no_batch_size_that_there_is_room_for_is_faster_than_the_best_of_them(model, most):
    law = Law.of(model)
    rate, size = best_rate(law, most)
    assert 1 <= size[0] <= most
    assert (model.throughput_at(np.geomspace(1, most, 500)) <= rate[0] * (1 + 1e-9)).all()
    assert model.throughput_at(size[0]) == pytest.approx(rate[0], rel=1e-9)
    assert best_rate(law, 1e15)[0] == pytest.approx(best_rate(law)[0], rel=1e-4)


def test_of_two_stages_the_best_rate_has_room_too():
    slow, fast = build(5e-6, 2e-7, 3e-9), build(1e-6, 0, 1e-9)
    both = Pipelined((Law.of(slow), Law.of(fast)))
    rate, size = best_rate(both, 1000.0)
    assert size[0] == pytest.approx(1000)
    assert rate[0] == pytest.approx(slow.throughput_at(1000))


@settings(deadline=None, max_examples=15)
@given(models, st.floats(0.05, 0.99))
def test_the_smallest_size_for_a_rate_has_it_and_no_smaller_one(model, share):
    law = Law.of(model)
    wanted = share * best_rate(law)[0]
    size = size_for_rate(law, wanted)[0]
    assert np.isfinite(size)
    assert model.throughput_at(size) >= wanted[0] * (1 - 1e-6)
    if size > 1:
        smaller = np.geomspace(1, size * (1 - 1e-6), 200)
        assert (model.throughput_at(smaller) < wanted[0] * (1 + 1e-6)).all()


@settings(deadline=None, max_examples=15)
@given(models)
def test_no_size_has_more_than_the_best_rate(model):
    law = Law.of(model)
    assert size_for_rate(law, best_rate(law)[0] * 1.01)[0] == np.inf


@settings(deadline=None, max_examples=15)
@given(models, st.floats(1e-7, 1e-2))
def test_the_largest_size_within_a_time_fills_it(model, seconds):
    law = Law.of(model)
    size = size_within(law, seconds)[0]
    if np.isnan(size):
        assert model.seconds_at(1) > seconds
    else:
        assert model.seconds_at(size) == pytest.approx(seconds, rel=1e-6)
        best = best_within(law, seconds)[0]
        assert best <= size
        sizes = np.geomspace(1, size, 200)
        assert (model.throughput_at(sizes) <= model.throughput_at(best) * (1 + 1e-9)).all()


@settings(deadline=None, max_examples=15)
@given(models, st.sampled_from([0.1, 0.5, 0.9, 0.95]))
def test_more_is_never_reached_by_less(model, share):
    """Monotone: a higher rate wants a larger batch, a longer time allows one."""
    law = Law.of(model)
    top = best_rate(law)[0]
    assert size_for_rate(law, share * top)[0] <= size_for_rate(law, (share + 0.04) * top)[0]
    base = float(model.seconds_at(1))
    assert size_within(law, base * 2)[0] <= size_within(law, base * 3)[0]


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
def test_symbolic_and_numeric_optimum_agree(share):
    model = build(5e-6, 2e-7, 3e-9)
    formula = size_for_share(model, share)
    values = {p.symbol: p.value for p in model.parameters.values()} | {K: 16}
    law = Law.of(model)
    assert float(formula.subs(values)) == pytest.approx(
        size_for_rate(law, share * best_rate(law)[0])[0], rel=1e-9
    )
    assert size_for_rate(law, 0.5 * best_rate(law)[0])[0] == pytest.approx(model.n_half())


def test_beyond_a_knee_the_best_rate_can_lie_at_the_knee():
    model = build(1e-6, 0, 1e-9, knee=10_000, rise=9e-9)
    rate, size = best_rate(Law.of(model))
    assert size[0] == 10_000
    assert rate[0] > model.limit_per_second()


def test_many_draws_at_once_are_the_same_as_one_by_one():
    model = build(5e-6, 2e-7, 3e-9, knee=1000, rise=2e-9)
    ticks = np.array([1e-6, 5e-6, 9e-6])
    together = size_for_rate(Law.of(model, {"t_tick": ticks}), 1e7)
    alone = [size_for_rate(Law.of(model.replaced("x", t_tick=t)), 1e7)[0] for t in ticks]
    assert together.tolist() == pytest.approx(alone)


def test_pieces_refuse_what_is_not_affine():
    p = parameter("t_event", 1e-9, "s/event")
    model = BatchModel([affine("kernel", None, p)], calls=0)
    assert pieces(model)[0].slope == p.symbol
    per_pair = Parameter("q", 1e-9, "s/event", "q", "test")
    odd = BatchModel([affine("kernel", None, per_pair)])
    object.__setattr__(odd, "terms", (_Squared(per_pair),))
    with pytest.raises(ValueError, match="not piecewise affine"):
        pieces(odd)


class _Squared:
    name = "kernel"

    def __init__(self, p):
        self.parameters = (p,)
        self.expression = p.symbol * N**2


@pytest.mark.parametrize("wrong", [0, -1, float("nan")])
def test_bad_targets_are_refused(wrong):
    law = Law.of(build(1e-6, 0, 1e-9))
    for ask in (size_for_rate, size_within):
        with pytest.raises(ValueError, match="above zero"):
            ask(law, wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        size_for_share(build(1e-6, 0, 1e-9), wrong)


@settings(deadline=None, max_examples=15)
@given(models, st.integers(1, 10**6))
def test_halving_a_cost_buys_what_the_model_says(model, n):
    for gain in gains(model, n):
        if gain.is_term:
            continue
        value = model.parameters[gain.name].value
        halved = model.replaced("test", **{gain.name: value / 2})
        bought = float(halved.throughput_at(n) / model.throughput_at(n)) - 1
        assert gain.halved[0] == pytest.approx(bought, rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=15)
@given(models, st.integers(1, 10**6))
def test_shares_of_the_terms_add_up_and_gains_are_ranked(model, n):
    found = gains(model, n)
    assert sum(gain.share[0] for gain in found if gain.is_term) == pytest.approx(1)
    assert sum(gain.share[0] for gain in found if not gain.is_term) == pytest.approx(1)
    halved = [gain.halved[0] for gain in found]
    assert halved == sorted(halved, reverse=True)


def test_an_elasticity_is_dimensionless_and_symbolic():
    model = build(5e-6, 2e-7, 3e-9)
    share = elasticity(model, "t_tick")
    assert share.free_symbols <= {p.symbol for p in model.parameters.values()} | {N, K}
    scaled = share.subs({p.symbol: 7 * p.symbol for p in model.parameters.values()})
    assert sympy.simplify(scaled - share) == 0


@settings(deadline=None, max_examples=15)
@given(models)
def test_the_map_names_the_binding_term_everywhere(model):
    spans = bottleneck_map(model, 1e6)
    assert spans[0].begin == 1
    assert spans[-1].end == 1e6
    for here, there in pairwise(spans):
        assert here.end == there.begin
        assert here.term != there.term
        budget = model.budget(here.end)
        assert float(budget[here.term]) == pytest.approx(float(budget[there.term]), rel=1e-6)
    for span in spans:
        middle = np.sqrt(span.begin * span.end)
        costs = {name: float(value) for name, value in model.budget(middle).items()}
        assert costs[span.term] == pytest.approx(max(costs.values()), rel=0.02)


def test_ceilings():
    model = build(5e-6, 2e-7, 3e-9)
    sizes = [1, 100, 10_000]
    python = interpreter_ceiling(model, sizes, "measured")
    assert (python.at(sizes) >= model.throughput_at(sizes)).all()
    bus = bandwidth_ceiling("bus", 64e9, 64, "published", "test")
    rates, names = lowest([python, bus], sizes)
    assert names == ["interpreter lock", "interpreter lock", "bus"]
    assert rates[2] == pytest.approx(1e9)
    with pytest.raises(ValueError, match="above zero"):
        bandwidth_ceiling("bus", 0, 64, "published", "test")


def test_terms_that_cross_twice_have_an_interval_for_each_crossing():
    """A kernel falls behind a producer and gets ahead again behind its knee: it said "none"."""
    kernel = knees(
        "kernel",
        parameter("t_kernel", 3e-6),
        parameter("t_event", 1e-9, "s/event"),
        [
            (parameter("N_L2", 8000, "event"), parameter("t_beyond_L2", 2e-9, "s/event")),
        ],
    )
    fabric = affine("fabric", parameter("t_fabric", 1e-7), parameter("t_far", 1.6e-9, "s/event"))
    model = BatchModel([kernel, fabric])
    drawn = {"t_event": np.array([0.99e-9, 1e-9, 1.01e-9])}
    first, second, _ = bottleneck_map(model, 1e5, drawn)
    assert (first.term, second.term) == ("kernel", "fabric")
    assert first.end == pytest.approx(2.9e-6 / 0.6e-9)
    assert second.end == pytest.approx((16e-6 - 2.9e-6) / 1.4e-9)
    assert first.crossing == pytest.approx(2.9e-6 / (1.6e-9 - drawn["t_event"]))
    assert second.crossing == pytest.approx((16e-6 - 2.9e-6) / (0.4e-9 + drawn["t_event"]))


def test_terms_that_hardly_differ_may_never_cross():
    """Such draws were left out: an interval of those that do cross said it was well known."""
    kernel = affine("kernel", parameter("t_kernel", 3e-6), parameter("t_event", 1e-9, "s/event"))
    fabric = affine("fabric", parameter("t_fabric", 1e-7), parameter("t_far", 1.1e-9, "s/event"))
    drawn = {"t_event": np.array([0.9e-9, 1e-9, 1.15e-9]), "t_fabric": np.array([1e-7, 5e-6, 1e-7])}
    first, second = bottleneck_map(BatchModel([kernel, fabric]), 1e5, drawn)
    assert (first.term, second.term) == ("kernel", "fabric")
    assert first.crossing[0] == pytest.approx(2.9e-6 / 0.2e-9)
    assert first.crossing[1] == first.begin == 1  # the fabric costs more from one event on
    assert first.crossing[2] == np.inf
