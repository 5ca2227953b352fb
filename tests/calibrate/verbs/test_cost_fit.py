"""The fit finds a known law again, foretells what it has not seen, and never looks at it."""

from dataclasses import replace

import numpy as np
import pytest
from verbs_sweeps import NIC, SOFT, seconds_by_hand, sweep_of

from aethermodel.bench.rdma_design import design
from aethermodel.calibrate.verbs.cost_fit import FITTED, fit_verbs, judge_verbs
from aethermodel.calibrate.verbs.cost_samples import SETTING, VerbsSamples
from aethermodel.model.verbs.verbs_cost import stage_times


@pytest.mark.parametrize("costs", [SOFT, NIC], ids=["software", "card"])
def test_the_symbols_say_the_formula(costs):
    for one in design(96, 1):
        s = one.settings
        numbers = (s.messages, s.message_bytes, s.list_length, s.signal_every, s.window)
        total, stage = stage_times(costs, *numbers, inline=s.inline)
        np.testing.assert_allclose(total, seconds_by_hand(s, costs), rtol=1e-12)
        assert stage[-1] == 0 or not costs.serial


def test_a_known_law_in_software_is_found_again_with_its_intervals():
    held, coverage = [], []
    for seed in range(8):
        sweep = sweep_of(SOFT, seed=seed)
        fit = fit_verbs(sweep)
        judged = judge_verbs(fit, sweep)
        assert judged.median_error < 0.04
        assert judged.met
        assert judged.settings == sum(row.held_out for row in sweep.rows)
        for name, found in fit.parameters.items():
            assert found.low <= found.value <= found.high
            held.append(found.low <= getattr(SOFT, name) <= found.high)
        coverage.append(judged.coverage)
        assert fit.costs.g_pkt == pytest.approx(SOFT.g_pkt, rel=0.15)
        assert pytest.approx(SOFT.G, rel=0.1) == fit.costs.G
    assert np.mean(held) >= 0.9
    assert np.mean(coverage) >= 0.9


def test_without_noise_the_law_is_exact():
    sweep = sweep_of(SOFT)
    exact = [
        row.model_copy(update={"samples_seconds": [[seconds_by_hand(row, SOFT)]]})
        for row in sweep.rows
    ]
    fit = fit_verbs(sweep.model_copy(update={"rows": tuple(exact)}))
    for name in FITTED[True]:
        assert getattr(fit.costs, name) == pytest.approx(getattr(SOFT, name), rel=1e-6)


def test_a_card_whose_slowest_stage_binds_is_foretold():
    sweep = sweep_of(NIC, noise=0.02)
    fit = fit_verbs(sweep)
    assert not fit.costs.serial
    judged = judge_verbs(fit, sweep)
    assert judged.median_error < 0.05
    assert {"wire", "cpu"} <= set(judged.table["binding"])
    assert fit.label == "rdma-nic"


def test_what_is_held_out_does_not_touch_the_fit():
    sweep = sweep_of(SOFT)
    tampered = [
        row.model_copy(update={"samples_seconds": [[1.0]]}) if row.held_out else row
        for row in sweep.rows
    ]
    other = sweep.model_copy(update={"rows": tuple(tampered)})
    assert fit_verbs(other).costs == fit_verbs(sweep).costs
    assert judge_verbs(fit_verbs(other), other).outcome == "fail"


def test_costs_are_never_negative_and_the_expression_predicts():
    sweep = sweep_of(replace(SOFT, c_i=0.0, d_pay=0.0), noise=0.1)
    fit = fit_verbs(sweep)
    assert all(found.low >= 0 for found in fit.parameters.values())
    row = sweep.rows[0]
    figures = {
        "N": row.messages, "b": row.message_bytes, "p": row.list_length, "k": row.signal_every
    }  # fmt: skip
    law = fit.expression(row.inline)
    value = float(law.subs({s: figures[s.name] for s in law.free_symbols}))
    assert value == pytest.approx(fit.predict(sweep.table())["predicted_seconds"][0], rel=1e-9)


def test_too_little_to_fit_or_to_judge_is_said():
    sweep = sweep_of(SOFT, count=14)
    with pytest.raises(ValueError, match="measure at least"):
        fit_verbs(sweep)
    whole = sweep_of(SOFT)
    seen = whole.model_copy(update={"rows": tuple(r for r in whole.rows if not r.held_out)})
    with pytest.raises(ValueError, match="no setting was held out"):
        judge_verbs(fit_verbs(seen), seen)


def test_a_sweep_survives_its_file_and_a_wrong_one_is_refused_in_one_line(tmp_path):
    sweep = sweep_of(SOFT, count=24)
    path = tmp_path / "sweep.json"
    path.write_text(sweep.text())
    assert VerbsSamples.load(path) == sweep
    for before, after, message in (
        ('"posts": ', '"posts": 9', "by the formula"),
        ('"fabric": "soft-roce"', '"fabric": "loopback"', "'soft-roce' or 'rdma-nic'"),
        (
            '"samples_seconds": [[',
            '"samples_seconds": [[-',
            "samples_seconds.0.0: Input should be greater",
        ),
        ("rdma/1", "rdma/0", "rdma/1"),
        ("{", "", "sweep.json"),
    ):
        path.write_text(sweep.text().replace(before, after, 1))
        with pytest.raises(ValueError, match=message) as error:
            VerbsSamples.load(path)
        assert "\n" not in str(error.value)


def test_a_settings_time_is_its_fastest_sample():
    sweep = sweep_of(SOFT, count=24)
    row = sweep.rows[0].model_copy(update={"samples_seconds": [[3.0, 1.0], [2.0, 9.0], [5.0]]})
    table = sweep.model_copy(update={"rows": (row, *sweep.rows[1:])}).table()
    first = table.iloc[0]
    assert (first["low"], first["seconds"], first["high"]) == (1.0, 1.0, 5.0)
    assert first["median_seconds"] == 3.0
    assert first["samples"] == 5


def test_the_committed_sweep_is_honest_and_its_split_is_the_designs():
    sweep = VerbsSamples.load()
    assert sweep.fabric == "soft-roce"
    assert sweep.emulated
    assert sweep.label == "soft-roce, emulated processor"
    planned = design(len(sweep.rows), sweep.seed)
    assert [row.held_out for row in sweep.rows] == [one.held_out for one in planned]
    for row, one in zip(sweep.rows, planned, strict=True):
        assert all(getattr(row, name) == getattr(one.settings, name) for name in SETTING)
    judged = judge_verbs(fit_verbs(sweep), sweep)
    assert judged.met
    assert judged.coverage >= 0.8
