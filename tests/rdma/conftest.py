"""Every test here runs on a real verbs device; `make test-rdma` brings a Soft-RoCE one."""

from __future__ import annotations

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
