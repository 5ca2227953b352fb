"""Law of cache refill, and its part in the loop's term."""

import json

import numpy as np
import pytest
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.refill_law import fit_refill, growth_of
from aethermodel.calibrate.predict.scenario import Assumption, Scenario
from aethermodel.model.piecewise_law import Law

FULL = 8192
N = np.array([1.0, 100.0, 5_000.0, 8_192.0, 30_000.0])


@pytest.fixture(scope="module")
def swept():
    """2 us to fetch again once the cache is full; events beyond cost next to nothing."""
    return synthetic_calibration(0.01, t_refill_full=2e-6 / FULL, t_refill=0.01e-9)


def warm(calibration, n=N):
    return 16 * (1 - (15 / 16) ** n) * TRUE["t_call"] + TRUE["t_tick"]


def test_the_loop_grows_until_the_cache_is_full(swept):
    found = swept.predict(N)
    true = warm(swept) + 2e-6 * np.minimum(N, FULL) / FULL + 0.01e-9 * np.maximum(0, N - FULL)
    assert found.budget["loop"] == pytest.approx(true, rel=0.03)
    assert found.budget.keys() == {"loop", "ffi", "kernel", "fabric"}
    assert (found.low <= found.seconds).all() and (found.seconds <= found.high).all()


def test_the_tick_itself_is_in_it_once(swept):
    fit = swept.laws["refill"]
    one = growth_of(fit, np.array([1.0]), 0.95, "mean")
    assert 0 <= one.low[0] <= one.mean[0] <= one.high[0] < 1e-9
    alone = synthetic_calibration(0.01).predict(N).budget["loop"]
    assert swept.predict([1]).budget["loop"] == pytest.approx(alone[:1], rel=0.02)


def test_its_interval_holds_the_truth_as_often_as_it_says():
    """Nominal 95 %: of 200 fits 182 to 199 (chance of a miss: below 2 %)."""
    covered = 0
    n = np.repeat([2.0, 768.0, 1536.0, 3072.0, 6144.0, 12288.0, 24576.0], 8)
    true = 8e-6 + 2e-6 * np.minimum(n, FULL) / FULL
    for seed in range(200):
        seconds = true * (1 + 0.03 * np.random.default_rng(seed).standard_normal(n.size))
        part = growth_of(fit_refill(n, seconds, FULL), np.array([10_000.0]), 0.95, "mean")
        covered += part.low[0] <= 2e-6 <= part.high[0]
    assert 182 <= covered <= 199


def test_symbols_figures_and_draws_agree(swept):
    model = swept.model()
    assert model.seconds_at(N) == pytest.approx(swept.predict(N).seconds)
    assert Law.of(model).seconds(N) == pytest.approx(model.seconds_at(N), rel=1e-6)
    assert swept.parameters["t_refill_full"].unit == "s/event"
    assert swept.parameters["N_refill"].value == FULL
    assert model.parameters.keys() <= Scenario(swept, {}).draws.keys()


def test_a_plane_that_fetches_nothing_again_can_be_assumed(swept):
    less = {"t_refill_full": Assumption(0.0, "test"), "t_refill": Assumption(0.0, "test")}
    scenario = Scenario(swept, less)
    assert scenario.is_assumed("loop")
    assert scenario.predict(N).budget["loop"] == pytest.approx(warm(swept), rel=0.02)


def test_other_topics_keep_it(swept):
    more = Scenario(swept, {}, topics=64).predict([FULL]).budget["loop"][0]
    assert more == pytest.approx(TRUE["t_tick"] + 64 * TRUE["t_call"] + 2e-6, rel=0.03)


def test_where_the_cache_is_not_known_it_is_a_line():
    n = np.repeat([2.0, 768.0, 3072.0, 6144.0, 12288.0], 5)
    seconds = 8e-6 + 0.2e-9 * n
    found = growth_of(fit_refill(n, seconds, None), np.array([10_000.0]), 0.95, "mean")
    assert found.mean[0] == pytest.approx(2e-6, rel=0.01)


def test_a_file_keeps_it_and_one_without_it_is_read(swept, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps(swept.to_json()))
    again = Calibration.load(path)
    assert again.samples == swept.samples
    assert again.predict(N).high.tolist() == swept.predict(N).high.tolist()
    path.write_text(json.dumps(synthetic_calibration(0.01).to_json()))
    assert "refill" not in Calibration.load(path).samples
