"""Every test here runs on a real verbs device; `make test-rdma` brings a Soft-RoCE one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cython_core

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    available, reason = cython_core.rdma_available()
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.rdma)
        if not available:
            item.add_marker(pytest.mark.skip(reason=f"{reason} (make test-rdma brings a device)"))


@pytest.fixture
def device() -> Iterator[Any]:
    from cython_core.verbs import Device

    with Device() as opened:
        yield opened


@pytest.fixture
def pair(device: Any) -> Iterator[Any]:
    from pair import Pair

    with Pair(device) as made:
        yield made


@pytest.fixture(scope="session")
def guest() -> None:
    if os.environ.get("AETHER_GUEST") != "soft-roce":
        pytest.skip("would cut this host's links; runs in the guest only")


@pytest.fixture
def link(guest: None) -> Iterator[str]:
    """The link under rxe0; link and device are there again afterwards."""
    from wire import add_link, run

    yield "dummy0"
    if Path("/sys/class/net/dummy0").exists():
        run("ip link set dummy0 up")
    else:
        add_link()
    if not Path("/sys/class/infiniband/rxe0").exists():
        run("rdma link add rxe0 type rxe netdev dummy0")
    deadline = time.monotonic() + 60
    while not cython_core.rdma_available()[0] and time.monotonic() < deadline:
        time.sleep(0.05)  # its address appears a moment later
