"""T_batch in two variables, N and the bytes of a record: known laws, and honest marks."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_calibration import TRUE, synthetic_calibration

from aethermodel.calibrate.predict.record_sizes import RecordSizes
from aethermodel.inputs.refusals import InputError

N = np.array([1, 100, 5000])


def calibrated(record_bytes, power=0.5, **changed):
    """A host whose cost an event grows with a power of the bytes, and nothing else does."""
    known = synthetic_calibration(
        noise=0.005, t_event=TRUE["t_event"] * (record_bytes / 64) ** power, t_kernel=0.0, **changed
    )
    return replace(known, conditions=replace(known.conditions, record_bytes=record_bytes))


def truth(record_bytes, power=0.5):
    calls = 16 * (1 - (15 / 16) ** N)
    fixed = TRUE["t_tick"] + TRUE["t_call"] * calls + TRUE["t_ffi"] + TRUE["t_fabric"]
    return fixed + N * TRUE["t_event"] * (record_bytes / 64) ** power


SIZES = RecordSizes.of([calibrated(4096), calibrated(64), calibrated(256)])


def test_a_size_that_was_calibrated_is_its_own():
    own = calibrated(256)
    assert np.array_equal(SIZES.predict(N, 256).seconds, own.predict(N).seconds)
    assert SIZES.origin(256) == "measured"
    assert SIZES.measured(256).conditions.record_bytes == 256
    assert SIZES.measured(512) is None


@pytest.mark.parametrize("record_bytes", [128, 512, 1024, 2048])
def test_between_two_sizes_a_power_of_the_bytes(record_bytes):
    predicted = SIZES.predict(N, record_bytes)
    assert predicted.seconds == pytest.approx(truth(record_bytes), rel=0.03)
    assert (predicted.low <= truth(record_bytes)).all() and (
        truth(record_bytes) <= predicted.high
    ).all()
    assert sum(predicted.budget.values()) == pytest.approx(predicted.seconds)
    assert SIZES.origin(record_bytes) == "interpolated"


@pytest.mark.parametrize("record_bytes", [8, 16_384])
def test_beyond_the_sizes_it_is_called_so_and_wider(record_bytes):
    predicted = SIZES.predict(N, record_bytes)
    assert SIZES.origin(record_bytes) == "extrapolated"
    assert predicted.seconds == pytest.approx(truth(record_bytes), rel=0.06)
    assert (predicted.low <= truth(record_bytes)).all() and (
        truth(record_bytes) <= predicted.high
    ).all()
    inside = SIZES.predict(N, 64 if record_bytes < 64 else 4096)
    assert (predicted.high - predicted.low > inside.high - inside.low).all()


def test_sizes_that_do_not_go_together_are_refused_in_a_line():
    with pytest.raises(InputError, match="at records of 64 bytes alone, not of 256"):
        RecordSizes.of([calibrated(64)]).predict(N, 256)
    with pytest.raises(InputError, match="calibrated at records of 64, 256, 4096 bytes: say which"):
        SIZES.measured()
    with pytest.raises(InputError, match="differ in topics: 16 and 8"):
        RecordSizes.of([calibrated(64), calibrated(256, topics=8)])
    with pytest.raises(InputError, match="of one host"):
        RecordSizes.of([calibrated(64), calibrated(256, host={"id": "ba9876543210"})])
