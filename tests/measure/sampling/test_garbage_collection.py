"""Garbage collection: off for what is timed, and as it was afterwards."""

import gc

import pytest

from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.sweep.measured import measure


@pytest.mark.parametrize("on", [True, False])
def test_it_is_off_meanwhile_and_as_it_was_afterwards(on):
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(RuntimeError), uncollected():
            assert not gc.isenabled()
            raise RuntimeError
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()


def test_a_point_of_a_sweep_leaves_it_on():
    gc.enable()
    rows = measure("loop", {"event_loop": "asyncio"}, 1, 1e-4, [])
    assert len(rows) == 1
    assert gc.isenabled()
