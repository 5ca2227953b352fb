"""T_fabric over verbs as a term: the cost model's figures, units that hold, and its closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.parameters import DIMENSIONS, N, Parameter, UnitError, dimension_of
from aethermodel.model.piecewise_law import Law
from aethermodel.model.terms import Term
from aethermodel.model.verbs.verbs_term import affine_of, fabric_of
from aethermodel.published.rdma_costs import load_cards

CARDS = {name: card.costs for name, card in load_cards().items()}
SIZES = np.array([1, 2, 16, 63, 64, 65, 139, 140, 1000, 4096, 100_000])


@pytest.mark.parametrize("costs", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize(("way", "p", "k"), [("whole", 1, 1), ("singly", 16, 64)])
def test_the_term_costs_what_the_cost_model_says(costs, way, p, k):
    term = fabric_of(costs, p, k, 128, messages=way)
    found = BatchModel([term]).seconds_at(SIZES)
    for n, seconds in zip(SIZES, found, strict=True):
        count, size = (1, 64 * int(n)) if way == "whole" else (int(n), 64)
        lists, signals = np.array([p]), np.array([k])
        total, _ = costs.times(count, size, lists, signals, 128, inline=way == "singly")
        assert seconds == pytest.approx(float(total[0]), rel=1e-12)


@pytest.mark.parametrize("costs", CARDS.values(), ids=CARDS)
def test_the_closed_form_is_off_by_half_a_packet_at_most(costs):
    exact = fabric_of(costs)
    near = BatchModel([affine_of(exact, "test")])
    half = (costs.G * costs.h_pkt + costs.g_pkt) / 2
    every = np.arange(1, 5000)
    off = near.seconds_at(every) - BatchModel([exact]).seconds_at(every)
    assert np.abs(off).max() <= half * (1 + 1e-9)
    # It is what the optimum's answers can be solved on; for large batches the wire is the limit.
    law = Law.of(near)
    assert law.seconds(1000.0)[0] == pytest.approx(float(near.seconds_at(1000.0)))
    per_event = costs.G * 64 * (1 + costs.h_pkt / costs.mtu)
    assert near.limit_per_second() == pytest.approx(1 / per_event)


def test_the_slowest_stages_follow_each_other_in_the_closed_form():
    """Lines 3, 1 + N and 2 N: they cross at 2 and at 1, so the last one is first above at 2."""
    a, b = (sympy.Symbol(name, nonnegative=True) for name in ("a", "b"))
    parameters = (Parameter("a", 1.0, "s", "", ""), Parameter("b", 1.0, "s/event", "", ""))
    term = Term("fabric", sympy.Max(3 * a, a + b * N, 2 * b * N), parameters)
    near = BatchModel([affine_of(term, "test")])
    n = np.array([0.5, 1, 1.5, 2, 3, 10])
    assert near.seconds_at(n) == pytest.approx(np.maximum(np.maximum(3, 1 + n), 2 * n))


def test_dimensions_of_messages_packets_and_rounded_counts():
    packets, size = sympy.Symbol("m", nonnegative=True), sympy.Symbol("b", nonnegative=True)
    units = {packets: DIMENSIONS["B/packet"], size: DIMENSIONS["B/message"]}
    found = dimension_of(sympy.ceiling(size / packets), units)
    assert found == DIMENSIONS["packet"] / DIMENSIONS["message"]
    lists = {packets: DIMENSIONS["message"], size: DIMENSIONS["s"]}
    assert dimension_of((packets - 1) * size, lists) == DIMENSIONS["message"] * DIMENSIONS["s"]
    with pytest.raises(UnitError, match="adds"):
        dimension_of(size - 1, lists)  # one is no time
    with pytest.raises(UnitError, match="adds"):
        dimension_of(packets + size, units)


def test_a_packet_is_no_message():
    term = fabric_of(CARDS["connectx-6"])
    wrong = {p.name: p for p in term.parameters}
    swapped = term.expression.subs(wrong["g"].symbol, wrong["g_pkt"].symbol)
    with pytest.raises(UnitError):
        Term("fabric", swapped, term.parameters)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"list_length": 0}, "p must be at least 1"), ({"messages": "doubly"}, "whole or singly")],
)
def test_nonsense_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        fabric_of(CARDS["connectx-6"], **given)


def test_software_has_its_stages_in_a_row():

    card = replace(CARDS["connectx-5"], serial=True)
    n = 100
    packets = math.ceil(n * 64 / card.mtu)
    seconds = card.L + card.o_w + card.o_db + 2 * card.o_cqe
    seconds += card.g + card.d_wqe + card.d_pay / card.q + packets * card.g_pkt
    seconds += card.G * (64 * n + packets * card.h_pkt + card.h_op)
    assert float(BatchModel([fabric_of(card)]).seconds_at(n)) == pytest.approx(seconds)
    near = BatchModel([affine_of(fabric_of(card), "test")])
    assert float(near.seconds_at(n)) == pytest.approx(seconds, rel=1e-3)
