"""The verdict: pass, fail, or open; coverage; and the term that the residual points at."""

import numpy as np
import pandas as pd
import pytest

from aethermodel.calibrate.predict.attribution import attribute
from aethermodel.calibrate.predict.comparison import judge


def table(errors, spread=0.02, median=None, disturbed=0.0):
    """Measured is 1 s; `spread` over processes, `median` the width of the median's interval."""
    median = spread if median is None else median
    errors = np.array(errors)
    return pd.DataFrame(
        {
            "n": [10 ** (i + 1) for i in range(len(errors))],
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


SIZES = np.array([1, 10, 100, 1000, 10_000, 30_000])


def budgets():
    calls = 16 * (1 - (15 / 16) ** SIZES)
    return {
        "loop": 2e-6 + 0.2e-6 * calls,
        "ffi": np.full(6, 0.1e-6),
        "kernel": 0.05e-6 + 4e-9 * SIZES,
        "fabric": np.full(6, 0.5e-6),
    }


def compared(producer=0.0):
    """The prediction, and the terms; with a producer the slower of the two sides."""
    terms = budgets()
    consumer = sum(terms.values())
    whole = np.maximum(consumer, producer)
    found = {f"{name}_seconds": cost for name, cost in terms.items()}
    return pd.DataFrame(found | {"predicted_seconds": whole, "wait_seconds": whole - consumer})


@pytest.mark.parametrize("inflated", ["loop", "kernel"])
@pytest.mark.parametrize("by", [0.1, -0.1])
def test_one_term_that_costs_more_in_the_whole_is_named_and_the_rest_is_near_zero(inflated, by):
    rng, given = np.random.default_rng(0), compared()
    whole = given["predicted_seconds"] + by * given[f"{inflated}_seconds"]
    noise = 1 + 5e-4 * rng.standard_normal((6, 8))
    found = attribute(given, pd.DataFrame(whole.to_numpy()[:, None] * noise))
    first, *rest = found.shares
    assert first.terms == (inflated,)
    assert first.found and first.low <= first.excess <= first.high
    assert first.excess == pytest.approx(by, rel=0.1)
    assert all(abs(share.seconds) < 0.1 * abs(first.seconds) for share in rest)
    assert found.unexplained < 1e-3
    assert found.rows_left == 3


def test_terms_of_one_shape_are_named_together():
    given = compared()
    whole = given["predicted_seconds"] + 0.1 * (given["ffi_seconds"] + given["fabric_seconds"])
    found = attribute(given, pd.DataFrame({0: whole, 1: whole}))
    assert found.shares[0].terms == ("ffi", "fabric")
    assert found.shares[0].excess == pytest.approx(0.1)
    assert found.unexplained == pytest.approx(0, abs=1e-9)


def test_where_the_producer_is_waited_for_it_is_what_the_residual_is_of():
    given = compared(producer=0.5e-6 + 6e-9 * SIZES)
    assert (given["wait_seconds"] > 0).sum() == 2
    whole = given["predicted_seconds"].where(
        given["wait_seconds"] == 0, 1.1 * given["predicted_seconds"]
    )
    found = attribute(given, pd.DataFrame({0: whole, 1: whole}))
    assert found.shares[0].terms == ("producer",)
    assert found.shares[0].excess == pytest.approx(0.1)


def test_few_batch_sizes_never_share_out_more_than_they_can():
    found = attribute(compared().iloc[:2], pd.DataFrame({0: [4e-6, 5e-6]}))
    assert len(found.shares) == 2 and found.rows_left == 0
    assert not any(share.found for share in found.shares)  # one process has no interval


def test_a_process_without_some_sizes_tells_by_the_others():
    given = compared()
    whole = given["predicted_seconds"] + 0.1 * given["kernel_seconds"]
    found = attribute(given, pd.DataFrame({0: whole, 1: whole.where(given.index != 3), 2: np.nan}))
    assert found.shares[0].terms == ("kernel",)
    assert found.shares[0].excess == pytest.approx(0.1)
    # Where no process by itself has enough, all together do.
    halves = [whole.where(given.index % 2 == part) for part in (0, 1)]
    found = attribute(given, pd.DataFrame(dict(enumerate(halves))))
    assert found.shares[0].terms == ("kernel",)
