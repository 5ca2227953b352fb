"""The comparison of models on known laws."""

import os

import numpy as np
import pytest

from aethermodel.calibrate.benchmark.known_laws import (
    EXTRAP_PYTHON,
    SCENARIOS,
    compare_models,
    targets,
)


def test_every_model_is_judged_on_every_law(monkeypatch):
    monkeypatch.delenv(EXTRAP_PYTHON, raising=False)
    told = []
    table = compare_models(20, seed=3, progress=lambda *step: told.append(step))
    assert set(table["model"]) == {"ours", "polynomial of degree 1", "polynomial of degree 2"}
    assert len(table) == 3 * sum(len(scenario.at) for scenario in SCENARIOS)
    ours = table[table["model"] == "ours"]
    assert (ours["within_10"] == 1).all() and (ours["negative"] == 0).all()
    assert ours["cover_mean"].between(0.7, 1).all()
    assert table.loc[table["model"] != "ours", "cover_mean"].isna().all()
    assert told[-1][1:] == (20, 20)


def test_figures_to_reach_are_missed_one_by_one(monkeypatch):
    monkeypatch.delenv(EXTRAP_PYTHON, raising=False)
    table = compare_models(20, seed=3).assign(fit_ms=5.0, runs=1000)
    table[["cover_mean", "cover_observation", "cover_parameters"]] = 0.95
    assert all(target.met for target in targets(table))
    for column, value in [
        ("within_10", 0.94),
        ("within_5", 0.999),
        ("p95_error", 0.07),
        ("cover_mean", 0.90),
        ("cover_parameters", 0.99),
        ("fit_ms", 11.0),
        ("negative", 1),
    ]:
        missed = [t for t in targets(table.assign(**{column: value})) if not t.met]
        assert missed and all(column in str(target) for target in missed)


def test_the_same_seed_gives_the_same_figures(monkeypatch):
    monkeypatch.delenv(EXTRAP_PYTHON, raising=False)
    one, other = (
        compare_models(3, seed=9).drop(columns=["fit_ms_min", "fit_ms", "fit_ms_p99"]) for _ in "ab"
    )
    assert one.equals(other)


def test_samples_have_the_noise_they_claim():
    scenario = SCENARIOS[0]
    relative = scenario.samples(500, 0) / scenario.law(np.array(scenario.n))[:, None] - 1
    assert relative.std() == pytest.approx(scenario.noise, rel=0.02)


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="at least one run"):
        compare_models(0)
    with pytest.raises(ValueError, match="interpreter"):
        compare_models(1, extrap_python="/nowhere/python")


@pytest.mark.skipif(
    not os.environ.get(EXTRAP_PYTHON), reason=f"{EXTRAP_PYTHON} names no interpreter with Extra-P"
)
def test_extra_p_answers():
    table = compare_models(2, extrap_runs=2)
    peer = table[table["model"].str.startswith("Extra-P")]
    assert len(peer) == 2 * sum(len(scenario.at) for scenario in SCENARIOS)
    assert np.isfinite(peer["median_error"]).all()
