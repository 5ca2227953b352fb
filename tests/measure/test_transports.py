"""Every way across delivers every batch, whole and in order, and leaves nothing behind."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from aethermodel.measure.probes.crossing import Settings, prepare
from aethermodel.measure.transports import TRANSPORTS

NEEDS = {"iceoryx2": "iceoryx2", "faster-fifo": "faster_fifo"}


def left_behind():
    return {path.name for path in Path("/dev/shm").iterdir()}


@pytest.mark.parametrize("transport", ["none", *TRANSPORTS])
def test_batches_arrive_whole_and_in_order(transport):
    """The probe itself checks number and total of each batch, and raises on a difference."""
    needed = NEEDS.get(transport)
    if needed and not find_spec(needed):
        pytest.skip(f"{needed} is not installed (pip install 'aethermodel[bench]')")
    before = left_behind()
    timed = prepare(Settings(transport=transport, batch_size=50, topics=4, pool=3))
    assert timed(7) > 0
    assert timed(2) > 0
    del timed
    assert left_behind() <= before


def test_an_unknown_transport_is_refused():
    with pytest.raises(ValidationError, match="no transport 'pigeon'"):
        Settings(transport="pigeon")
