"""Honest labels: what moved the batches of a figure."""

from __future__ import annotations

from typing import Literal

#: Every figure says which.
FabricLabel = Literal[
    "loopback", "shared-memory", "kernel-tcp", "soft-roce", "rdma-nic", "simulated"
]

#: The fabrics that any host has, and what moves the bytes of each.
HostFabric = Literal["loopback", "shm", "tcp"]
LABEL_OF: dict[HostFabric, FabricLabel] = {
    "loopback": "loopback",
    "shm": "shared-memory",
    "tcp": "kernel-tcp",
}
