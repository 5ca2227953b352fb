"""Pipelined stages: the slower of two sets the pace; against brute force."""

import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aethermodel.model.batch import BatchModel
from aethermodel.model.binding_term import bottleneck_map
from aethermodel.model.optimal_batch_size import best_rate, size_for_rate, size_within
from aethermodel.model.parameters import N, Parameter
from aethermodel.model.piecewise_law import Law
from aethermodel.model.pipelined import law_of
from aethermodel.model.sensitivity import gains
from aethermodel.model.terms import affine, dispatch, knees

GRID = np.unique(np.geomspace(1, 1e7, 4000).round())


def parameter(name, value, unit="s"):
    return Parameter(name, value, unit, name, "test")


def build(tick, event, send, send_event, knee=None, rise=0.0):
    loop = dispatch(parameter("t_tick", tick), parameter("t_call", 1e-7, "s/call"))
    hinges = []
    if knee:
        hinges = [(parameter("N_L2", knee, "event"), parameter("t_beyond_L2", rise, "s/event"))]
    kernel = knees(
        "kernel", parameter("t_kernel", 1e-7), parameter("t_event", event, "s/event"), hinges
    )
    sends = affine(
        "send", parameter("t_send", send), parameter("t_send_event", send_event, "s/event")
    )
    return BatchModel([loop, kernel], 16 * (1 - sympy.Rational(15, 16) ** N), sends)


cost, slope = st.floats(1e-7, 1e-4), st.floats(1e-10, 1e-7)
models = st.builds(
    build, cost, slope, cost, slope, knee=st.none() | st.floats(10, 1e5), rise=st.floats(0, 1e-7)
)


@settings(deadline=None, max_examples=25)
@given(models)
def test_the_slower_stage_is_the_time_and_its_lead_the_wait(model):
    consumer, producer = (stage.seconds_at(GRID) for stage in model.stages)
    budget = model.budget(GRID)
    assert model.seconds_at(GRID) == pytest.approx(np.maximum(consumer, producer))
    assert (budget["wait"] >= 0).all() and "send" not in budget
    assert law_of(model).seconds(GRID) == pytest.approx(model.seconds_at(GRID), rel=1e-9)
    at = model.t_batch.subs({p.symbol: p.value for p in model.parameters.values()})
    numeric = float(at.subs(sympy.Symbol("K", nonnegative=True), model.calls).subs(N, 300))
    assert numeric == pytest.approx(float(model.seconds_at(300)))


@settings(deadline=None, max_examples=60)
@given(models, st.floats(0.05, 0.995))
# The consumer's rate has a peak at its knee, falls, and rises above it once every topic is hit.
@example(build(1e-7, 6e-8, 7.6e-5, 1e-7, knee=10.0, rise=1e-7), 0.5)
def test_sizes_for_a_share_of_the_best_rate_match_brute_force(model, share):
    law = law_of(model)
    rate, size = best_rate(law)
    rates = model.throughput_at(GRID)
    assert rates.max() <= rate[0] * (1 + 1e-9)
    if size[0] <= GRID[-1]:
        assert float(model.throughput_at(size[0])) == pytest.approx(rate[0], rel=1e-9)
    least = size_for_rate(law, share * rate)[0]
    reaching = GRID[rates >= share * rate[0]]
    if reaching.size:
        below = GRID[: np.searchsorted(GRID, reaching[0])]
        assert (below[-1] if below.size else 1) <= least * (1 + 1e-6)
        assert least <= reaching[0] * (1 + 1e-6)
    else:
        assert least >= GRID[-1] * (1 - 1e-6)


@settings(deadline=None, max_examples=25)
@given(models, st.floats(1e-6, 1e-2))
def test_the_size_within_a_time_is_that_of_the_slower_stage(model, seconds):
    size = size_within(law_of(model), seconds)[0]
    if np.isnan(size):
        assert float(model.seconds_at(1)) > seconds
    else:
        assert float(model.seconds_at(size)) == pytest.approx(seconds) or size == 1


@settings(deadline=None, max_examples=25)
@given(models, st.integers(1, 10**6))
def test_halving_a_cost_buys_nothing_in_the_stage_that_waits(model, n):
    found = gains(model, n)
    assert sum(gain.share[0] for gain in found if gain.is_term) == pytest.approx(1)
    for gain in found:
        if not gain.is_term:
            value = model.parameters[gain.name].value
            halved = model.replaced("test", **{gain.name: value / 2})
            bought = float(halved.throughput_at(n) / model.throughput_at(n)) - 1
            assert gain.halved[0] == pytest.approx(bought, rel=1e-6, abs=1e-12)


def test_the_map_names_the_producer_where_all_else_waits_for_it():
    model = build(1e-5, 1e-9, 1e-6, 10e-9)
    loop, producer = bottleneck_map(model, 1e6, {"t_send": np.array([1e-6, 2e-6])})
    assert (loop.term, producer.term) == ("loop", "send")
    consumer, sends = (float(stage.seconds_at(loop.end)) for stage in model.stages)
    assert consumer == pytest.approx(sends)
    assert producer.begin == loop.end
    assert loop.crossing[1] < loop.crossing[0] == pytest.approx(loop.end)
    assert model.binding_term(1) == "loop" and model.binding_term(1e5) == "send"
    assert model.limit_per_second() == pytest.approx(1e8)


def test_one_law_is_not_made_of_two_stages():
    with pytest.raises(ValueError, match="two stages"):
        Law.of(build(1e-5, 1e-9, 1e-6, 10e-9))
