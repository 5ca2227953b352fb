"""The verdict: pass, fail, or open and its coverage."""

import numpy as np
import pandas as pd
import pytest

from aethermodel.calibrate.predict.comparison import judge


def table(errors, spread=0.02, median=None, disturbed=0.0, processes=8):
    """Measured is 1 s; `spread` over processes, `median` the width of the median's interval."""
    median = spread if median is None else median
    errors = np.array(errors)
    return pd.DataFrame(
        {
            "n": [10 ** (i + 1) for i in range(len(errors))],
            "processes": processes,
            "error": errors,
            "predicted_seconds": 1 + errors,
            "measured_seconds": 1.0,
            "measured_low": 1 - spread / 2,
            "measured_high": 1 + spread / 2,
            "median_low": 1 - median / 2,
            "median_high": 1 + median / 2,
            "covered": np.abs(errors) <= median / 2,
            "disturbed": disturbed,
            "switched": disturbed,
            "shared": 0.0,
            "apart": 0.0,
            "stolen": 0.0,
        }
    )


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"errors": [0.01, -0.04]}, "pass"),
        ({"errors": [0.01, -0.04], "spread": 0.5}, "pass"),
        ({"errors": [0.00, 0.12]}, "fail"),
        ({"errors": [0.06, 0.07]}, "fail"),
        # Single processes differ by 13 %, but the median is known to 2 %: no excuse.
        ({"errors": [0.00, 0.177], "spread": 0.13, "median": 0.02}, "fail"),
        ({"errors": [0.00, 0.11], "spread": 0.5}, "inconclusive"),
        ({"errors": [0.00, -0.11], "median": 0.04}, "inconclusive"),
        ({"errors": [0.00, 0.5], "disturbed": 0.4}, "fail"),
        ({"errors": [0.00, 0.5], "disturbed": 0.6}, "inconclusive"),
    ],
)
def test_a_miss_fails_unless_the_medians_or_the_system_leave_it_open(given, outcome):
    assert judge(table(**given)).outcome == outcome


@pytest.mark.parametrize(
    ("processes", "words"),
    [
        (1, "only one process ran, which does not show what processes differ by"),
        (2, "only 2 processes ran, which do not show"),
    ],
)
def test_of_too_few_processes_a_miss_cannot_be_judged(processes, words):
    missed = table([0.0, 0.177], spread=0.0, processes=processes)
    assert judge(missed).outcome == "inconclusive"
    assert words in judge(missed).why and "measure in 3 or more" in judge(missed).why
    assert judge(missed.assign(processes=3)).outcome == "fail"
    assert judge(table([0.0, 0.02], processes=processes)).outcome == "pass"
    # As many as the point that has fewest.
    assert judge(missed.assign(processes=[8, processes])).outcome == "inconclusive"


def test_a_verdict_that_fails_holds_the_errors_and_not_their_limits():
    verdict = judge(table([0.3, -0.2, 0.1], 0.01))
    assert verdict.outcome == "fail"
    assert verdict.mean_error == pytest.approx(0.2) and verdict.worst_error == pytest.approx(0.3)
    assert "allowed are 5 % and 10 %" in verdict.why


def test_the_verdict_names_the_worst_batch_size_whatever_its_sign():
    verdict = judge(table([0.02, -0.09, 0.03], 0.01))
    assert (verdict.worst_at, verdict.worst_error) == (100, 0.09)
    assert "N = 100" in verdict.why


def test_the_verdict_says_which_noise_and_how_much_is_covered():
    assert "processes differ by 50.0 %" in judge(table([0.0, 0.11], 0.5)).why
    assert "60 % preempted" in judge(table([0.0, 0.5], disturbed=0.6)).why
    shared = table([0.0, 0.5], disturbed=0.6).assign(switched=0.1, shared=0.3, apart=0.2)
    assert "30 % only by other work on a core" in judge(shared).why
    assert "20 % only because the cores had been moved apart" in judge(shared).why
    assert judge(table([0.0, 0.05], median=0.02)).coverage == 0.5
