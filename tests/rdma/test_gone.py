"""Ports and devices that go away under a connection."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from pair import BRIEF, Pair, carry, settle

from cython_core.verbs import Device
from cython_core.verbs.errors import (
    CompletionError,
    DeviceRemovedError,
    NoDeviceError,
    PortDownError,
)


def test_port_down(device: Any, pair: Any, link: str) -> None:
    pair.make("send", slots=64, near=BRIEF)
    seen: list[int] = []
    carry(pair, 100, seen)
    assert device.check() is not None
    subprocess.run(["ip", "link", "set", link, "down"], check=True)
    with pytest.raises(PortDownError):
        settle(device.check)
    assert not device.active()
    subprocess.run(["ip", "link", "set", link, "up"], check=True)
    deadline = time.monotonic() + 60
    while not device.active() and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        carry(pair, 200, seen)
    except CompletionError:
        pair.recover()
        carry(pair, 200, seen)
    assert seen == list(range(200))


def test_device_removed(link: str) -> None:
    """Of its own device: whoever has one open keeps the driver from removing it."""
    seen: list[int] = []
    with Device("rxe0") as device, Pair(device) as pair:
        pair.make("send", slots=64)
        carry(pair, 100, seen)
        removal = subprocess.Popen(["rdma", "link", "delete", "rxe0"])
        with pytest.raises(DeviceRemovedError, match="rxe0"):
            settle(device.check)
        assert device.removed()
        carry(pair, 150, seen)  # Soft-RoCE works on, and waits for this side to let go
        assert removal.poll() is None
    assert removal.wait(60) == 0
    with pytest.raises(NoDeviceError):
        Device("rxe0")
    subprocess.run(f"rdma link add rxe0 type rxe netdev {link}".split(), check=True)
    deadline = time.monotonic() + 60
    while True:
        try:
            device = Device("rxe0")
            break
        except NoDeviceError:  # its address appears a moment later
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with device, Pair(device) as pair:
        assert not device.removed()
        pair.make("send", slots=64, start=150)
        carry(pair, 300, seen)
    assert seen == list(range(300))
