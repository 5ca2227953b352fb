"""A term that could not be measured is named, and the rest goes on."""

import json

import numpy as np
import pandas as pd
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.predict import what_if
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario

N = [1, 100, 10_000]


def frame(known):
    """Samples as they are taken, of what a calibration was made of."""
    parts = []
    for term, timings in known.samples.items():
        at = "calls" if term == "loop" else "batch_size"
        columns = {at: timings.n, "seconds": timings.seconds, "process": timings.process}
        parts.append(pd.DataFrame(columns).assign(probe=term, final=True))
    return pd.concat(parts, ignore_index=True)


def calibrated(known, keep):
    samples = frame(known)
    samples = samples[keep(samples)]
    return Calibration.from_samples(samples, known.host, known.conditions, known.created)


@pytest.mark.parametrize("term", ["loop", "ffi", "kernel", "fabric", "refill"])
def test_a_budget_that_left_a_term_one_size_names_it_and_goes_on(term, tmp_path):
    """It ended in "all samples are at batch size 2"."""
    known = synthetic_calibration(t_refill=1e-12, t_refill_full=1e-11)
    at = "calls" if term == "loop" else "batch_size"
    found = calibrated(known, lambda s: (s["probe"] != term) | (s[at] == s[at].min()))
    (warning,) = found.warnings
    assert warning.startswith(f"{term} could not be measured (all samples are at batch size 1")
    budget, before = found.predict(N).budget, known.predict(N).budget
    for other in budget.keys() - {term, "loop"}:
        assert budget[other] == pytest.approx(before[other])
    if term != "refill":
        assert (budget[term] == 0).all()
    assert np.isfinite(found.predict(N, kind="observation").high).all()
    answers = Answers(Scenario(found, {}))
    assert answers.share(0.95).size.value >= 1 and answers.sensitivity(100)
    assert answers.ceilings(N, [])
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(found.to_json()))
    again = Calibration.load(path)
    assert again.warnings == found.warnings
    assert again.predict(N).seconds == pytest.approx(found.predict(N).seconds)


def test_a_budget_that_ended_before_a_term_was_reached_names_it():
    known = synthetic_calibration()
    samples = frame(known).query("probe != 'loop'").drop(columns="calls")
    found = Calibration.from_samples(samples, known.host, known.conditions, known.created)
    assert found.warnings == (
        "loop could not be measured (there is no sample to fit): predictions are without it",
    )


def test_what_needs_the_missing_term_says_so():
    known = calibrated(synthetic_calibration(), lambda s: s["probe"] != "kernel")
    assert known.warnings[0].startswith("kernel could not be measured (there is no sample to fit)")
    with pytest.raises(ValueError, match="has no kernel, which could not be measured"):
        what_if.cores(known, 2)


def test_without_any_term_there_is_no_calibration():
    with pytest.raises(ValueError, match="no term could be measured: loop: all samples are at"):
        calibrated(synthetic_calibration(), lambda s: (s["calls"] == 1) | (s["batch_size"] == 1))
