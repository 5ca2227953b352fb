"""Answers hold for the laws that the samples came from, and their intervals cover the truth."""

import numpy as np
import pytest
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.monte_carlo import answer, draw_parameters
from aethermodel.calibrate.predict.scenario import Assumption, Scenario
from aethermodel.measure.campaign.placed import Place
from aethermodel.model.batch import BatchModel
from aethermodel.model.optimal_batch_size import best_rate, last_size_at, size_for_rate
from aethermodel.model.parameters import Parameter
from aethermodel.model.piecewise_law import Law
from aethermodel.model.terms import knees
from aethermodel.published.interconnects import interconnect, load_interconnects, published_ceilings
from aethermodel.published.rdma_costs import card

FIXED = TRUE["t_tick"] + 16 * TRUE["t_call"] + TRUE["t_ffi"] + TRUE["t_kernel"] + TRUE["t_fabric"]


@pytest.fixture(scope="module")
def calibration():
    return synthetic_calibration()


@pytest.fixture(scope="module")
def answers(calibration):
    return Answers(Scenario(calibration, {}))


@pytest.mark.parametrize("share", [0.9, 0.95, 0.99])
def test_optimum_is_that_of_the_true_law(answers, share):
    true = share / (1 - share) * FIXED / TRUE["t_event"]
    found = answers.share(share, np.inf)
    assert found.extrapolated == (true > 12288)
    assert found.size.low <= true <= found.size.high
    assert found.size.value == pytest.approx(true, rel=0.1)
    assert found.per_second.value == pytest.approx(share / TRUE["t_event"], rel=0.05)


def test_best_rate_and_the_sizes_for_a_rate_and_a_time(answers):
    assert answers.best_rate(np.inf).value == pytest.approx(1 / TRUE["t_event"], rel=0.05)
    found = answers.rate(5e6)
    assert found.per_second.value >= 5e6
    assert answers.rate(1e12).size.value == np.inf
    within = answers.within(1e-4)
    assert within.size.value == pytest.approx((1e-4 - FIXED) / TRUE["t_event"], rel=0.05)
    assert np.isnan(answers.within(1e-9).size.value)


def test_the_gain_of_another_batch_size_is_the_ratio_of_the_true_rates(answers):
    def rate(n):
        calls = 16 * (1 - (1 - 1 / 16) ** n) - 16
        return n / (FIXED + TRUE["t_call"] * calls + TRUE["t_event"] * n)

    found = answers.gain_at(5_000, 10)
    true = rate(5_000) / rate(10) - 1
    assert found.low <= true <= found.high
    assert found.value == pytest.approx(true, rel=0.05)
    assert answers.gain_at(10, 10).value == 0


def test_answers_hold_where_the_router_changes_its_way():
    direct = 12e-9
    calibration = synthetic_calibration(0.01, switch=120, t_event_direct=direct)
    found = {name: p.value for name, p in calibration.parameters.items()}
    assert found["N_switch"] == 120
    assert found["t_event_direct"] == pytest.approx(direct, rel=0.05)
    assert found["t_event"] == pytest.approx(TRUE["t_event"], rel=0.05)
    answers = Answers(Scenario(calibration, {}))
    beyond = FIXED + (direct - TRUE["t_event"]) * 120
    found = answers.share(0.9, np.inf).size.value
    assert found == pytest.approx(9 * beyond / TRUE["t_event"], rel=0.05)
    # One size below the switch, one above: the answer is the batch that just takes the time.
    for n in (60, 5000):
        seconds = float(calibration.predict(n).seconds[0])
        assert answers.within(seconds).size.value == pytest.approx(n, rel=1e-3)
        per_second = n / seconds
        assert answers.rate(per_second).size.value == pytest.approx(n, rel=1e-3)


def test_a_flat_optimum_is_a_range_and_its_ends_are_known(answers):
    """By the law: N / (a + b N) grows throughout, and its best is that of the largest batch."""
    best = 12288 / (FIXED + TRUE["t_event"] * 12288)
    assert answers.best_rate().low < best < answers.best_rate().high
    for share in (0.8, 0.9, 0.95):
        found = answers.share(share)
        first = share * best * FIXED / (1 - share * best * TRUE["t_event"])
        assert found.size.low <= first <= found.size.high
        assert found.last.value == found.last.low == found.last.high == 12288
        assert not found.extrapolated
    assert answers.rate(0.999 / TRUE["t_event"]).extrapolated


def test_the_range_ends_where_a_cache_makes_larger_batches_slower():
    law = Law.of(
        BatchModel(
            [
                knees(
                    "kernel",
                    Parameter("t_kernel", 1e-6, "s", "", ""),
                    Parameter("t_event", 1e-9, "s/event", "", ""),
                    [
                        (
                            Parameter("N_L2", 1e4, "event", "", ""),
                            Parameter("t_beyond_L2", 3e-9, "s/event", "", ""),
                        )
                    ],
                )
            ]
        )
    )
    sizes = np.arange(1, 1e5)
    rates = sizes / law.seconds(sizes)
    for share in (0.5, 0.9, 0.99):
        inside = sizes[rates >= share * rates.max()]
        wanted = share * best_rate(law, 99_999)[0]
        assert size_for_rate(law, wanted)[0] == pytest.approx(inside[0], abs=1)
        assert last_size_at(law, wanted, 99_999)[0] == pytest.approx(inside[-1], abs=1)
    assert np.isnan(last_size_at(law, 2 * rates.max(), 99_999)[0])


@pytest.mark.parametrize("share", [0, 1, 2, float("nan")])
def test_a_share_lies_between_0_and_1(answers, share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        answers.share(share)


def test_intervals_of_the_optimum_cover_the_truth():
    """Nominal 95 %: of 30 calibrations, at least 24 (chance of fewer: below 0.1 %)."""
    true = 9 * FIXED / TRUE["t_event"]
    covered = 0
    for seed in range(30):
        found = Answers(Scenario(synthetic_calibration(0.05, seed), {})).share(0.9, np.inf).size
        covered += found.low <= true <= found.high
    assert covered >= 24


def test_draws_are_the_fits_own_uncertainty(calibration):
    drawn = draw_parameters(calibration, 20_000)
    for name, p in calibration.parameters.items():
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        width = p.high - p.low
        # Two t-distributions add in quadrature of their quantiles, which is a little too wide.
        assert low == pytest.approx(p.low, abs=0.1 * width)
        assert high == pytest.approx(p.high, abs=0.1 * width)
        assert (drawn[name] >= 0).all()


def test_an_answer_holds_its_value_and_survives_infinities():
    assert answer(3.0, [1, 2, np.nan]).high == 3.0
    assert answer(np.inf, [np.inf] * 9 + [1]).low == 1
    assert np.isnan(answer(1.0, [np.nan]).low)


def test_sensitivities_have_intervals_and_are_ranked(answers):
    found = answers.sensitivity(256)
    values = [buys.gain.value for buys in found]
    assert values == sorted(values, reverse=True)
    assert all(buys.gain.low <= buys.gain.value <= buys.gain.high for buys in found)
    loop = next(buys for buys in found if buys.name == "loop")
    share = (TRUE["t_tick"] + 16 * TRUE["t_call"]) / (FIXED + 256 * TRUE["t_event"])
    assert loop.gain.value == pytest.approx(1 / (1 - share / 2) - 1, rel=0.05)


def test_the_crossover_has_an_interval_around_the_truth(answers):
    first, second = answers.bottlenecks()
    assert (first.term, second.term) == ("loop", "kernel")
    loop = TRUE["t_tick"] + 16 * TRUE["t_call"]
    true = (loop - TRUE["t_kernel"]) / TRUE["t_event"]
    assert first.end.low <= true <= first.end.high


def test_assumptions_stay_marked(calibration):
    scenario = Scenario(calibration, {"t_tick": Assumption(1e-6, "a faster loop")})
    origins = {p.name: (origin, p) for origin, p in scenario.parameters()}
    assert origins["t_tick"][0] == "assumed"
    assert origins["t_tick"][1].source == "assumed: a faster loop"
    assert origins["t_event"][0] == "measured"
    assert scenario.origin == "assumed"
    before, after = calibration.predict([100]), scenario.predict([100])
    saved = calibration.parameters["t_tick"].value - 1e-6
    assert before.seconds[0] - after.seconds[0] == pytest.approx(saved)
    assert after.low[0] < after.seconds[0] < after.high[0]
    assert {buys.name: buys.assumed for buys in Answers(scenario).sensitivity(10)}["loop"]


def test_a_new_observation_is_less_certain_than_the_mean(calibration):
    mean, new = calibration.predict([1, 1000]), calibration.predict([1, 1000], kind="observation")
    assert (new.high - new.low > mean.high - mean.low).all()
    assert (new.seconds == mean.seconds).all()


@pytest.mark.parametrize("assumed", [{"t_tik": 1.0}, {"t_tick": -1.0}, {"t_tick": float("nan")}])
def test_assumptions_that_make_no_sense_are_refused(calibration, assumed):
    with pytest.raises(ValueError, match="t_ti"):
        Scenario(calibration, {k: Assumption(v, "test") for k, v in assumed.items()})


def test_kinds_of_what_if(calibration):
    other = synthetic_calibration(seed=3, t_tick=1e-6)
    assert what_if.loop_of(other)["t_tick"].value == pytest.approx(1e-6, rel=0.1)
    for text in ("t_tick = 1e-6", "t_tick=1us", "t_tick=0.001 ms"):
        assert what_if.values(calibration, [text])["t_tick"].value == pytest.approx(1e-6)


def test_the_fabric_of_cores_that_lie_further_apart():
    """All but the fabric stays: what distance costs is told by a calibration taken there."""
    near = synthetic_calibration()
    far = Place("0:2", "remote").noted(synthetic_calibration(seed=3, t_fabric=5e-6))
    apart = Scenario(near, what_if.fabric_from(near, far))
    before, after = near.predict([1, 1000]), apart.predict([1, 1000])
    assert after.budget["fabric"] == pytest.approx(far.predict([1, 1000]).budget["fabric"])
    for term in ("loop", "ffi", "kernel"):
        assert after.budget[term] == pytest.approx(before.budget[term])
    assert apart.is_assumed("fabric") and not apart.is_assumed("loop")
    assert "different NUMA nodes" in apart.assumptions["t_fabric"].source
    other = synthetic_calibration(t_send=1e-6, t_send_event=1e-9)
    with pytest.raises(ValueError, match="its fabric is shared-memory"):
        what_if.fabric_from(near, other)


def test_a_network_card_puts_its_whole_cost_model_in_for_the_fabric(calibration):
    known = card("connectx-6")
    changed = Scenario(calibration, what_if.network(known, 64))
    assert changed.is_assumed("fabric") and not changed.is_assumed("kernel")
    sizes = [1, 100, 1000, 100_000]
    before, after = calibration.predict(sizes), changed.predict(sizes)
    for i, n in enumerate(sizes):
        times, _ = known.costs.times(1, 64 * n, np.ones(1), np.ones(1), 128, inline=False)
        assert after.budget["fabric"][i] == pytest.approx(float(times[0]), rel=2e-3)
        others = before.seconds[i] - before.budget["fabric"][i]
        assert after.seconds[i] == pytest.approx(others + after.budget["fabric"][i])
    assert (after.low < after.seconds).all() and (after.seconds < after.high).all()
    # A stage takes over at some size: the answers are solved on the law with its knee.
    assert "N_stage1" in changed.model.parameters
    limit = changed.model.limit_per_second()
    assert Answers(changed).best_rate(np.inf).value == pytest.approx(limit)
    law = changed.assumptions["t_fabric"].source
    assert "except" in law and "d_pay" in law


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_tick", "wants name=value"),
        ("=1", "wants name=value"),
        ("", "wants name=value"),
        ("t_tick=fast", "t_tick: 'fast' is no number with its unit"),
        ("t_tick=5B", "t_tick: '5 ?B' is "),
        ("t_tick=-1us", "t_tick: .* 0 or more"),
        ("t_tik=1us", "no parameter 't_tik'; there are t_tick, "),
    ],
)
def test_bad_pairs_are_refused(calibration, text, message):
    with pytest.raises(ValueError, match=message):
        what_if.values(calibration, [text])


def test_bad_what_ifs_are_refused(calibration):
    with pytest.raises(ValueError, match="has connectx-5"):
        interconnect("carrier-pigeon")
    with pytest.raises(ValueError, match="no card 'pcie5-x16'"):
        what_if.network(card("pcie5-x16"), 64)
    with pytest.raises(ValueError, match="at least 1"):
        what_if.cores(calibration, 0)


def test_published_figures_have_sources_and_ceilings_stand_beside_the_measured(answers):
    assert all(known.source for known in load_interconnects().values())
    ceilings = answers.ceilings([1, 1000], published_ceilings(64))
    origins = {ceiling.name: ceiling.origin for ceiling in ceilings}
    assert origins["memory copy"] == origins["interpreter lock"] == "measured"
    assert origins["pcie5-x16"] == "published"
    without = Answers(Scenario(synthetic_calibration(copies=False), {}))
    assert "memory copy" not in {ceiling.name for ceiling in without.ceilings([1], [])}
