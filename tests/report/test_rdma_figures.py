"""Figures of notebook 50: the plan, what binds, and the sweep, each under its label."""

import pytest
from pydantic import ValidationError
from verbs_sweeps import NIC, SOFT, sweep_of

from aethermodel.calibrate.verbs.cost_fit import fit_verbs, judge_verbs
from aethermodel.model.verbs.verbs_cost import STAGES, stage_times
from aethermodel.published.rdma_costs import load_cards
from aethermodel.report.figures import rdma_sweep
from aethermodel.report.figures.rdma_plan import (
    RdmaParameters,
    binding_map,
    binding_table,
    card_table,
    plans,
)
from aethermodel.text.percentages import percentage
from cython_core.rdma.posting_plan import plan


@pytest.fixture(scope="module")
def trial():
    sweep = sweep_of(SOFT)
    fit = fit_verbs(sweep)
    return sweep, fit, judge_verbs(fit, sweep)


def test_plans_keep_paper_and_measurement_apart(trial):
    _, fit, _ = trial
    given = RdmaParameters(messages=1000, message_bytes=256)
    table = plans(given, fit)
    assert list(table["label"]) == ["simulated"] * 3 + ["soft-roce, emulated processor"]
    for row in table.iloc[:3].itertuples():
        one = load_cards()[row.device]
        best = plan(1000, 256, one.costs, depth=128)
        assert (row.p, row.k, row.binds) == (best.list_length, best.signal_every, best.binding)
        assert (row.doorbells, row.completions) == (best.posts, best.completions)
        assert set(row.assumed.split(", ")) == one.assumed
    # In software nothing is faster than the longest lists and rarest signals.
    assert table.iloc[3]["p"] > 8


def test_a_cards_costs_say_what_they_are():
    table = card_table(load_cards()["connectx-6"]).set_index("cost")
    assert table.loc["o_db", "meaning"] == "one doorbell"
    assert table["meaning"].str.len().min() > 5


def test_the_map_says_the_slowest_stage():
    table = binding_table(NIC, 1000, 64)
    assert set(table["signal_every"]) == {1, 16, 64}
    assert (table["list_length"] + table["signal_every"] - 1).max() <= 64
    for row in table[::37].itertuples():
        inline = row.message_bytes <= NIC.inline_limit
        numbers = (1000, row.message_bytes, row.list_length, row.signal_every, 64)
        _, stage = stage_times(NIC, *numbers, inline=inline)
        assert row.binds == STAGES[stage.argmax()]


def test_the_map_is_labelled_and_names_what_is_assumed():
    one = load_cards()["connectx-7"]
    shown = binding_map(one, RdmaParameters(card="connectx-7"))
    html = shown._repr_html_()
    assert "<svg" in html
    assert "simulated" in shown.title
    assert all(name in shown.caption for name in one.assumed)


def test_a_sweeps_figures_carry_label_and_held_out_error(trial):
    sweep, fit, judged = trial
    shown = rdma_sweep.measured_vs_predicted(sweep, judged)
    assert "soft-roce, emulated processor" in shown.title
    assert "only ratios mean anything" in shown.caption
    assert percentage(judged.median_error) in shown.text_alternative
    assert "<svg" in shown._repr_html_()
    readable = rdma_sweep.readable(judged)
    assert len(readable) == len(sweep.rows)
    assert (readable["held out"] == "yes").sum() == judged.settings
    block = rdma_sweep.verdict(sweep, judged)
    assert "exactly the sums" in block._repr_html_()
    formula = rdma_sweep.formula(fit)
    assert "<math" in formula._repr_html_()
    left = {symbol.name for symbol in formula.expression.rhs.free_symbols}
    assert set(fit.parameters) - {"c_i"} <= left
    assert left.isdisjoint({"g", "d_wqe", "rtt", "W"})
    assert set(rdma_sweep.costs_table(fit)["cost"]) == set(fit.parameters)


def test_the_drivers_count_of_packets_is_held_against_the_formula(trial):
    sweep, _, judged = trial
    assert "packets" not in rdma_sweep.verdict(sweep, judged)._repr_html_()
    rows = [
        row.model_copy(update={"packets": row.messages * (-(-row.message_bytes // 1024) + 1)})
        for row in sweep.rows
    ]
    rows[0] = rows[0].model_copy(update={"packets": 1})
    counted = sweep.model_copy(update={"rows": tuple(rows)})
    shown = rdma_sweep.verdict(counted, judged)._repr_html_()
    assert f"in {len(rows) - 1} of {len(rows)} settings" in shown


def test_a_cards_formula_keeps_its_maximum():
    sweep = sweep_of(NIC)
    formula = rdma_sweep.formula(fit_verbs(sweep))
    assert "Max" in str(formula.expression)


def test_parameters_are_typed():
    with pytest.raises(ValidationError, match="no card 'connectx-4'"):
        RdmaParameters(card="connectx-4")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        RdmaParameters(messages=0)
