"""Provenance labels: what moved the batches of a figure."""

from __future__ import annotations

from typing import Literal

#: Every figure says which.
FabricLabel = Literal[
    "loopback", "shared-memory", "kernel-tcp", "soft-roce", "rdma-nic", "simulated"
]

#: What an RDMA device may be.
DeviceLabel = Literal["soft-roce", "rdma-nic"]
