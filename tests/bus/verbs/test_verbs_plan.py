"""The plan is the model's best, checked against an exhaustive search with the formula by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.model.verbs.verbs_cost import VerbsCosts, stage_times, stages, transfer_time
from cython_core.rdma.posting_plan import TIE, plan

# Orders of magnitude of a NIC: UCX's constants, 100 Gbit/s.
NIC = VerbsCosts(
    o_w=20e-9, c_i=0.1e-9, o_db=75e-9, o_cqe=40e-9, g=5e-9, d_wqe=300e-9, d_pay=300e-9, q=16,
    G=0.08e-9, L=800e-9, rtt=2e-6, mtu=1024, inline_limit=220,
)  # fmt: skip
positive = st.floats(1e-10, 1e-6)
costs = st.builds(
    VerbsCosts,
    **{name: positive for name in ("o_w", "c_i", "o_db", "o_cqe", "g", "d_wqe", "d_pay", "G", "L")},
    rtt=st.floats(1e-7, 1e-4),
    q=st.integers(1, 32),
    mtu=st.sampled_from([256, 1024, 4096]),
    inline_limit=st.integers(0, 500),
)


def by_hand(n: int, b: int, p: int, k: int, w: int, c: VerbsCosts, inline: bool) -> list[float]:
    cpu = n * (c.o_w + inline * b * c.c_i) + math.ceil(n / p) * c.o_db + math.ceil(n / k) * c.o_cqe
    nic = n * c.g + math.ceil(n / p) * c.d_wqe + (not inline) * n * c.d_pay / c.q
    wire = c.G * (n * b + n * math.ceil(b / c.mtu) * c.h_pkt + n * c.h_op)
    return [cpu, nic, wire, n * c.rtt / w]


def total(n: int, b: int, p: int, k: int, w: int, c: VerbsCosts, inline: bool) -> float:
    fill = (min(n, p) - 1) * (c.o_w + inline * b * c.c_i)
    return c.L + fill + max(by_hand(n, b, p, k, w, c, inline)) + c.o_cqe


@given(costs, st.integers(1, 10_000), st.integers(1, 9000), st.booleans())
@settings(max_examples=50, deadline=None)
def test_the_symbols_say_the_formula(c: VerbsCosts, n: int, b: int, inline: bool) -> None:
    got, stage = stage_times(c, n, b, 16, 32, 64, inline=inline)
    np.testing.assert_allclose(stage, by_hand(n, b, 16, 32, 64, c, inline), rtol=1e-9)
    np.testing.assert_allclose(got, total(n, b, 16, 32, 64, c, inline), rtol=1e-9)


@given(costs, st.integers(1, 2000), st.integers(1, 600), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_the_plan_is_the_best_within_a_tie(c: VerbsCosts, n: int, b: int, depth: int) -> None:
    chosen = plan(n, b, c, depth=depth)
    assert chosen.list_length + chosen.signal_every - 1 <= chosen.window == depth
    assert chosen.posts == math.ceil(n / chosen.list_length)
    assert chosen.completions == math.ceil(n / chosen.signal_every)
    assert not chosen.inline or b <= c.inline_limit
    powers = [2**i for i in range(8) if 2**i <= depth]
    best = min(
        total(n, b, p, k, depth, c, inline)
        for p in powers
        for k in powers
        for inline in {False, b <= c.inline_limit}
        if p + k - 1 <= depth and p < 2 * n and k < 2 * n
    )
    assert best * (1 - 1e-9) <= chosen.seconds <= best * (1 + TIE) * (1 + 1e-9)
    assert chosen.stages[chosen.binding] == max(chosen.stages.values())


def test_what_binds() -> None:
    assert plan(10_000, 65_536, NIC).binding == "wire"
    assert plan(10_000, 64, replace(NIC, rtt=1e-3)).binding == "window"
    assert plan(10_000, 64, replace(NIC, g=1e-6)).binding == "nic"
    assert plan(10_000, 64, replace(NIC, o_w=1e-6)).binding == "cpu"


def test_lists_and_signals_grow_with_their_price() -> None:
    # One message leaves at once; a dear doorbell is shared by many.
    assert plan(1, 64, NIC).list_length == 1
    cheap, dear = plan(10_000, 64, replace(NIC, o_db=0, d_wqe=0)), plan(10_000, 64, NIC)
    assert cheap.list_length == 1 < dear.list_length
    assert plan(10_000, 64, replace(NIC, o_cqe=1e-6)).signal_every > 1
    assert plan(10_000, 64, replace(NIC, d_pay=1e-5)).inline


def test_a_queue_pair_may_carry_less_inline() -> None:
    dear = replace(NIC, d_pay=1e-5)
    assert plan(10_000, 64, dear, max_inline=64).inline
    assert not plan(10_000, 64, dear, max_inline=63).inline


def test_the_expressions_are_whole() -> None:
    assert {str(s) for s in transfer_time(True).free_symbols} >= {"N", "b", "p", "k", "W", "o_db"}
    assert set(stages(False)) == {"cpu", "nic", "wire", "window"}


@pytest.mark.parametrize("bad", [{"batch": 0}, {"size": 0}, {"depth": 0}])
def test_bad_settings(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        plan(**({"batch": 1, "size": 1} | bad), costs=NIC)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"o_w": -1.0}, {"G": float("nan")}, {"q": 0.0}, {"mtu": 0.0}])
def test_bad_costs(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        replace(NIC, **bad)
