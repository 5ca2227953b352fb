"""Calibration, composition and trial from samples that are made, so that every figure is known."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from aethermodel.advice.law_answers import answers
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.calibration_file import document
from aethermodel.pipelines.campaign import Campaign, calibrated_sizes, fitted, held_out_sizes
from aethermodel.pipelines.trial import PipelineTrial

OWN = """
from aethermodel import Pipeline
pipeline = Pipeline("orders", record_bytes=256)
@pipeline.source
def orders(n, rng): return list(range(n))
@pipeline.stage
def decode(batch): ...
@pipeline.stage
def score(batch): ...
"""
LAWS = {"decode": (2e-6, 3e-9), "score": (1e-6, 20e-9)}
US = 1e-6


def _rows(term, sizes, seconds, figures=None, noise=0.002, alone=False):
    rng = np.random.default_rng(sum(map(ord, term)))
    return [
        {
            "probe": "stage",
            "term": term,
            "alone": alone,
            "batch_size": n,
            "process": process,
            "seconds": seconds(n) * (1 + noise * rng.standard_normal()),
            "seconds_all": seconds(n) * 1.5,
            "final": True,
            "noisy": False,
            "apart": False,
            "switches": 0,
            "stolen_seconds": 0.0,
            "figures": json.dumps(figures(n)) if figures else None,
        }
        for process in range(6)
        for n in sizes
        for _ in range(2)
    ]


def _law(name, n):
    start, each = LAWS[name]
    return start + each * n


def _whole(n):
    return sum(_law(name, n) for name in LAWS)


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "orders.py"
    path.write_text(OWN)
    return Campaign(str(path))


def _samples(campaign, whole=_whole, places=None, decode=1.0):
    def in_place(n):
        return {"decode": decode * _law("decode", n), "score": _law("score", n), "clock": 1e-7}

    rows = [
        row
        for name in LAWS
        for row in [
            *_rows(name, campaign.sizes, lambda n, name=name: _law(name, n)),
            # Back to back it takes half as long, and waits all the time.
            *_rows(
                name, (1, 192, 10_000), lambda n, name=name: _law(name, n) / 2,
                lambda n: {"cpu": 0.0}, alone=True,
            ),
        ]
    ]  # fmt: skip
    rows += _rows("whole", campaign.held_out, whole)
    rows += _rows("timed", campaign.held_out, whole, places or in_place)
    return pd.DataFrame(rows)


def test_sizes_held_out_are_none_that_terms_are_timed_at():
    sizes = calibrated_sizes(10_000)
    assert sizes == (1, 3, 6, 12, 24, 48, 96, 192, 384, 768, 1536, 3072, 6144, 10_000)
    assert held_out_sizes(10_000, sizes) == (10, 100, 1000, 6000)
    assert not set(held_out_sizes(48, calibrated_sizes(48))) & set(calibrated_sizes(48))


def test_terms_compose_to_the_whole(campaign):
    trial = PipelineTrial.of(*_fitted(campaign))
    assert trial.verdict.outcome == "pass" and trial.verdict.worst_error < 0.02
    assert not trial.told


def test_a_term_is_what_it_takes_in_rounds_and_back_to_back_is_told_beside_it(campaign):
    calibration = _fitted(campaign)[0]
    decode = calibration.terms["decode"]
    assert decode.law.predict([192.0]).seconds[0] == pytest.approx(_law("decode", 192), rel=0.02)
    assert decode.alone == pytest.approx({n: _law("decode", n) / 2 for n in (1, 192, 10_000)}, 0.01)
    assert decode.busy == 0.0


def _fitted(campaign, **changes):
    samples = _samples(campaign, **changes)
    return fitted(campaign, samples), samples


def test_the_stage_that_differs_in_place_is_named_and_by_how_much(campaign):
    def whole(n):
        return _whole(n) + 0.5 * _law("decode", n)

    trial = PipelineTrial.of(*_fitted(campaign, whole=whole, decode=1.5))
    assert trial.verdict.outcome == "fail"
    assert {one.term for one in trial.in_place if one.differs} == {"decode"}
    (at_ten,) = [one for one in trial.in_place if (one.term, one.n) == ("decode", 10)]
    assert at_ten.change == pytest.approx(0.5, abs=0.03)
    low, high = at_ten.change_interval
    assert low < at_ten.change < high
    assert all("decode: " in line and "in the pipeline (+" in line for line in map(str, trial.told))
    # At 10 the whole takes 4.25 us, of which 1.02 us are decode's more in place.
    at = trial.verdict.worst_at
    assert trial.cause.startswith(f"At N = {at:,} decode differs most: ")
    assert "in the pipeline (+" in trial.cause and "\n" not in trial.cause
    share = 100 * 0.5 * _law("decode", at) / (_whole(at) + 0.5 * _law("decode", at))
    (said,) = re.findall(r"([0-9.]+) % of the batch", trial.cause)
    assert float(said) == pytest.approx(share, abs=2)


def test_a_miss_that_no_stage_explains_is_said(campaign):
    trial = PipelineTrial.of(*_fitted(campaign, whole=lambda n: 2 * _whole(n)))
    assert trial.verdict.outcome == "fail"
    assert "no stage differs in place that would explain it" in trial.cause
    assert "the sum is off by −50" in trial.cause


def test_a_stage_that_differs_within_its_interval_is_named_with_the_doubt(campaign):
    """The whole takes 12 % more; decode takes as much more in place, but once so and once so."""

    def uneven(n):
        return {"decode": 2 * _law("decode", n), "score": _law("score", n), "clock": 1e-7}

    samples = _samples(campaign, whole=lambda n: 1.12 * _whole(n), places=uneven)
    timed = samples["term"] == "timed"
    odd = timed & (samples["process"] % 2 == 1)
    samples.loc[odd, "figures"] = [
        json.dumps({"decode": _law("decode", n) / 2, "score": _law("score", n), "clock": 1e-7})
        for n in samples.loc[odd, "batch_size"]
    ]
    trial = PipelineTrial.of(fitted(campaign, samples), samples)
    assert "decode differs most" in trial.cause
    assert "which its interval leaves open" in trial.cause


def test_where_the_worst_size_was_disturbed_in_place_the_next_one_tells(campaign):
    samples = _samples(campaign, whole=lambda n: 2 * _whole(n), decode=1.5)
    at = PipelineTrial.of(fitted(campaign, samples), samples).verdict.worst_at
    samples.loc[(samples["term"] == "timed") & (samples["batch_size"] == at), "noisy"] = True
    trial = PipelineTrial.of(fitted(campaign, samples), samples)
    assert trial.cause.startswith(f"No stage was timed undisturbed in place at N = {at:,}. At N = ")
    assert "decode differs most" in trial.cause


def test_the_stage_that_makes_processes_differ_is_named(campaign):
    even = PipelineTrial.of(*_fitted(campaign))
    assert even.between_processes is None and even.figures()["between_processes"] is None
    samples = _samples(campaign)
    slow = samples["process"].isin([4, 5]) & samples["term"].isin(["timed", "whole"])
    at = samples.loc[slow, "batch_size"]
    samples.loc[slow, "seconds"] += [0.4 * _whole(n) for n in at]
    samples.loc[slow & (samples["term"] == "timed"), "figures"] = [
        json.dumps(
            {"decode": _law("decode", n), "score": _law("score", n) + 0.4 * _whole(n), "clock": 0.0}
        )
        for n in samples.loc[slow & (samples["term"] == "timed"), "batch_size"]
    ]
    trial = PipelineTrial.of(fitted(campaign, samples), samples)
    spread = trial.between_processes
    assert spread.term == "score" and spread.slowest / spread.fastest == pytest.approx(
        1.4, abs=0.02
    )
    assert "the slowest takes 1.4" in str(spread) and "score has 9" in str(spread)
    assert trial.figures()["between_processes"]["term"] == "score"


def test_a_clock_that_costs_more_than_two_percent_is_said(campaign):
    trial = PipelineTrial.of(*_fitted(campaign))
    said = {(one.term, one.n): "taken off" in str(one) for one in trial.in_place}
    # 100 ns of 2 us, and of 120 us.
    assert said["decode", 10] and not said["score", 6000]


def test_a_calibration_file_is_read_as_it_was_written(campaign, tmp_path):
    calibration, _ = _fitted(campaign)
    calibration.save(tmp_path / "c.json")
    again = PipelineCalibration.load(tmp_path / "c.json")
    assert document(again) == document(calibration)
    np.testing.assert_allclose(again.predict([10, 1000]).low, calibration.predict([10, 1000]).low)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(extra=1), "there is no such setting"),
        (lambda d: d["groups"][0]["terms"].append("more"), "not those that have laws"),
        (lambda d: d["terms"].append(d["terms"][0]), "two terms have one name"),
        (lambda d: d.update(record_bytes="256"), "record_bytes"),
        (lambda d: d["terms"][0]["law"].update(coefficients=[-1.0]), "law.coefficients"),
        (lambda d: d["terms"][0].update(busy=float("nan")), "busy"),
    ],
)
def test_a_calibration_file_is_read_strictly(campaign, tmp_path, change, said):
    content = document(_fitted(campaign)[0])
    change(content)
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="no calibration of a pipeline") as refused:
        PipelineCalibration.load(tmp_path / "c.json")
    assert said in str(refused.value)


def test_the_whole_answers_as_any_law(campaign):
    law = _fitted(campaign)[0].law
    found = answers(law, rate=1e6, latency=1e-4)
    # 3 us + 23 ns N: half of the best rate, at 10,000.
    best = 10_000 / _whole(10_000)
    assert found.best_rate.value == pytest.approx(best, rel=0.02)
    assert found.for_rate.size.value == pytest.approx(4, abs=1)
    assert found.costs[0].name == "score_c1"


def test_an_assumed_law_over_bytes_is_added_and_labelled(campaign, tmp_path):
    from aethermodel.laws.fit import fit

    table = pd.DataFrame({"bytes": [256, 1024, 4096, 65536, 262144, 2560000]})
    table["t"] = 5e-6 + 1e-10 * table["bytes"]
    laws = fit(table, "bytes", "t")
    from dataclasses import replace

    law = replace(laws.only(), size_unit="B", source="perftest.txt")
    campaign.pipeline.assume("network", law)
    calibration, samples = _fitted(campaign)
    found = calibration.predict([1000])
    assert found.budget["network"][0] == pytest.approx(5e-6 + 1e-10 * 256_000, rel=0.02)
    assert found.seconds[0] == pytest.approx(_whole(1000) + 30.6e-6, rel=0.02)
    assert calibration.terms["network"].source == "perftest.txt"
    # What was not run here is not compared with what was.
    assert PipelineTrial.of(calibration, samples).verdict.outcome == "pass"


def test_a_term_without_samples_is_refused_by_name(campaign):
    samples = _samples(campaign)
    with pytest.raises(InputError, match="score was timed at 0 sizes only"):
        fitted(campaign, samples[samples["term"] != "score"])
