"""The recommended batch size, held against a sweep."""

import numpy as np
import pandas as pd
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.bench.optimum import judge_sweep, ladder, recommended
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario


def samples(rates):
    """Two samples in each of two processes, the second a tenth slower throughout."""
    rows = [
        {"process": p, "batch_size": n, "seconds": n / rate * (1 + 0.1 * p), "final": True}
        for n, rate in rates.items()
        for p in (0, 1)
        for _ in range(2)
    ]
    return pd.DataFrame(rows)


def test_the_ladder_goes_from_one_to_the_largest_by_halves_of_a_doubling():
    assert ladder(16) == (1, 2, 3, 4, 6, 8, 11, 16)
    assert ladder(1000)[-1] == 1000


def test_the_model_recommends_the_smallest_size_that_it_is_sure_of():
    answers = Answers(Scenario(synthetic_calibration(), {}))
    for largest in (1000, 2**22):
        found = answers.share(0.99, largest).size
        assert found.value <= recommended(answers, largest) <= largest
        assert recommended(answers, largest) == pytest.approx(found.high, abs=1)
    assert 95 < recommended(answers, 100) <= 100


def test_of_the_sizes_that_there_is_room_for_the_share_is_of_the_best():
    answers = Answers(Scenario(synthetic_calibration(), {}))
    found = answers.share(0.99, 1000)
    assert found.goal == "99 % of the best rate up to N = 1,000"
    assert found.per_second.value == pytest.approx(
        0.99 * 1000 / answers.scenario.calibration.predict(1000).seconds[0], rel=2e-3
    )
    assert found.size.value < answers.share(0.99).size.value <= 12288


@pytest.mark.parametrize(("at", "outcome"), [(64, "pass"), (32, "pass"), (8, "fail")])
def test_a_size_is_judged_by_the_best_of_the_sweep(at, outcome):
    found = judge_sweep(samples({8: 50e6, 32: 99e6, 64: 100e6, 128: 90e6}), at, "loopback")
    assert found.outcome == outcome
    assert found.share == pytest.approx({64: 1.0, 32: 0.99, 8: 0.5}[at])
    assert found.table["recommended"].tolist() == [n == at for n in (8, 32, 64, 128)]
    assert found.figures()["recommended"] == at


def test_a_sweep_that_ends_at_the_recommended_size_proves_nothing():
    found = judge_sweep(samples({32: 50e6, 64: 100e6}), 64, "loopback")
    assert found.share == 1 and found.outcome == "inconclusive"


def test_processes_that_disagree_leave_it_open():
    rows = samples({32: 95e6, 64: 100e6})
    rows.loc[(rows["process"] == 1) & (rows["batch_size"] == 32), "seconds"] *= 0.96
    rows.loc[(rows["process"] == 0) & (rows["batch_size"] == 32), "seconds"] *= 1.06
    assert judge_sweep(rows, 32, "loopback").outcome == "inconclusive"


def test_the_luckiest_size_of_a_flat_sweep_is_not_called_better():
    """Forty equal sizes, 5 % noise, five processes: by their own best they would all fail."""
    rng = np.random.default_rng(7)
    sizes = np.arange(1, 41)

    def flat():
        rows = [
            {"process": p, "batch_size": n, "seconds": n * rng.lognormal(0, 0.05), "final": True}
            for p in range(5)
            for n in sizes
        ]
        return judge_sweep(pd.DataFrame(rows), 20, "loopback").share

    assert np.mean([flat() for _ in range(200)]) == pytest.approx(1, abs=0.01)


def test_one_process_alone_is_judged_by_its_own_best():
    alone = samples({32: 50e6, 64: 100e6})
    alone = alone[alone["process"] == 0]
    assert judge_sweep(alone, 32, "loopback").share == pytest.approx(0.5)
