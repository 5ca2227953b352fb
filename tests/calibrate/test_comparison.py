"""The verdict: pass, fail, or too noisy to tell."""

import pandas as pd
import pytest

from aethermodel.calibrate.comparison import judge


def table(errors, spread):
    return pd.DataFrame(
        {
            "n": [10 ** (i + 1) for i in range(len(errors))],
            "error": errors,
            "measured_seconds": 1.0,
            "measured_low": 1 - spread / 2,
            "measured_high": 1 + spread / 2,
        }
    )


@pytest.mark.parametrize(
    ("errors", "spread", "outcome"),
    [
        ([0.01, -0.04], 0.02, "pass"),
        ([0.01, -0.04], 0.50, "pass"),
        ([0.00, 0.11], 0.02, "fail"),
        ([0.06, 0.06], 0.02, "fail"),
        ([0.00, 0.11], 0.50, "inconclusive"),
    ],
)
def test_outcomes(errors, spread, outcome):
    assert judge(table(errors, spread)).outcome == outcome


def test_the_verdict_names_the_worst_batch_size_whatever_its_sign():
    verdict = judge(table([0.02, -0.09, 0.03], 0.01))
    assert (verdict.worst_at, verdict.worst_error) == (100, 0.09)
    assert "N = 100" in verdict.why
