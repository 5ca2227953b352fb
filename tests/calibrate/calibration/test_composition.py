"""Terms put together: one after the other in one process, side by side in two."""

import numpy as np
import pandas as pd
import pytest
from synthetic_calibration import synthetic_calibration

from aethermodel.calibrate import fit_term
from aethermodel.calibrate.calibration.composition import (
    add_up,
    compose,
    composition_errors,
    part_of,
)

N = np.array([1.0, 64.0, 5000.0])


def producer(fixed, slope):
    n = np.repeat([1.0, 10.0, 100.0, 1000.0, 10_000.0], 3)
    fit = fit_term(n, fixed + slope * n, forms=("affine",))
    return add_up(N, {"send": part_of(fit, N, 0.95, "mean")})


def test_in_one_process_nothing_overlaps():
    prediction = synthetic_calibration().predict(N)
    composed = compose(prediction)
    assert composed.name == "serial"
    assert composed.seconds == pytest.approx(sum(prediction.budget.values()))
    assert np.all(composed.pipelined < composed.serial)


@pytest.mark.parametrize("slower", [False, True])
def test_of_two_processes_the_slower_sets_the_pace(slower):
    prediction = synthetic_calibration().predict(N)
    stage = producer(1e-6, 20e-9 if slower else 1e-10)
    composed = compose(prediction, stage)
    assert composed.name == "pipelined"
    mean = stage.seconds
    assert composed.seconds == pytest.approx(np.maximum(prediction.seconds, mean))
    assert composed.serial == pytest.approx(prediction.seconds + mean)
    assert np.all((composed.low <= composed.seconds) & (composed.seconds <= composed.high))
    assert bool(np.isclose(composed.seconds[-1], mean[-1])) is slower


def test_both_compositions_are_judged_at_sizes_that_no_fit_has_seen():
    table = pd.DataFrame(
        {
            "measured_seconds": [1.0, 2.0, 4.0],
            "serial_seconds": [1.1, 2.0, 8.0],
            "pipelined_seconds": [0.5, 1.0, 4.0],
            "composition": "serial",
            "held_out": [True, True, False],
        }
    )
    found = composition_errors(table).set_index("composition")
    assert found.loc["serial", "mean_error"] == pytest.approx(0.05)
    assert found.loc["pipelined", "worst_error"] == pytest.approx(0.5)
    assert found["predicted"].to_dict() == {"serial": True, "pipelined": False}
