"""One measurement at a time on a host, and a clear line for the one that waits."""

import os
import tempfile

import pytest
from command_line import aether

from aethermodel.execute.host_lock import HostBusyError, host_lock


@pytest.fixture(autouse=True)
def own_place(tmp_path_factory, monkeypatch):
    """A host lock of this test's own: other tests may run beside it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t")))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_a_wait_has_an_end():
    told = []
    with (
        host_lock(),
        pytest.raises(HostBusyError, match="still measuring on this host after 0 s"),
        host_lock(True, told.append, most_seconds=0),
    ):
        pass
    assert told == [str(os.getpid())]
    with host_lock(most_seconds=0):
        pass


@pytest.mark.parametrize("command", ["calibrate", "validate"])
def test_commands_that_measure_wait_for_the_host(command):
    with host_lock():
        ran = aether(command, "--wait-seconds", "0")
    assert ran.returncode == 2
    said = [line for line in ran.stderr.splitlines() if not line.startswith("takes ")]
    assert said == [
        f"waiting: process {os.getpid()} is measuring on this host",
        f"aethermodel: process {os.getpid()} is still measuring on this host after 0 s",
    ]
