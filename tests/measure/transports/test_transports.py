"""Every way across delivers every batch, whole and in order, and leaves nothing behind."""

import os
from multiprocessing import current_process
from pathlib import Path
from time import monotonic, sleep

import pytest
from pydantic import ValidationError

from aethermodel.measure.probes.transport import Settings, prepare
from aethermodel.measure.transports import TRANSPORTS, lacking

OWN = f"/own{os.getpid()}"


def shared_names():
    """Return what lies in shared memory, but for the semaphores of tests that run beside this.

    Nor what iceoryx2 keeps for the host, once a process has used it.
    """
    names = {path.name for path in Path("/dev/shm").iterdir()}
    names = {name for name in names if not name.endswith(".global_mgmt")}
    return {name for name in names if not name.startswith("sem.") or OWN[1:] in name}


def left_behind(before):
    """Return the new names that stay: a block of a test beside this one goes within seconds."""
    deadline = monotonic() + 120
    while (new := shared_names() - before) and monotonic() < deadline:
        sleep(0.05)
    return new


@pytest.mark.bench
@pytest.mark.parametrize("transport", ["none", *TRANSPORTS])
def test_batches_arrive_whole_and_in_order(transport, monkeypatch):
    """The probe itself checks number and total of each batch, and raises on a difference."""
    if reason := lacking(transport):
        pytest.skip(reason)
    monkeypatch.setitem(current_process()._config, "semprefix", OWN)
    before = shared_names()
    timed = prepare(Settings(transport=transport, batch_size=50, topics=4, pool=3))
    assert timed(7) > 0
    assert timed(2) > 0
    del timed
    assert not left_behind(before)


@pytest.mark.bench
def test_a_producer_that_is_ahead_loses_nothing():
    """Of iceoryx2 it did, in one of ten: the fifth batch and what followed, before a first look."""
    if reason := lacking("iceoryx2"):
        pytest.skip(reason)
    for _ in range(5):
        timed = prepare(Settings(transport="iceoryx2", batch_size=50, topics=4, pool=3))
        assert timed(20) > 0


def test_an_unknown_transport_is_refused():
    with pytest.raises(ValidationError, match="no transport 'pigeon'"):
        Settings(transport="pigeon")
