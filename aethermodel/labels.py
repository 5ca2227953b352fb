"""Provenance labels: what moved the batches of a figure."""

from __future__ import annotations

from typing import Literal

#: Every figure says which.
FabricLabel = Literal[
    "loopback", "shared-memory", "kernel-tcp", "soft-roce", "rdma-nic", "simulated"
]

#: What an RDMA device may be.
DeviceLabel = Literal["soft-roce", "rdma-nic"]

#: The fabrics by name; what moves the bytes of verbs depends on the device.
Fabric = Literal["loopback", "shm", "tcp", "verbs"]
#: The fabrics that any host has, and what moves the bytes of each.
HostFabric = Literal["loopback", "shm", "tcp"]
LABEL_OF: dict[HostFabric, FabricLabel] = {
    "loopback": "loopback",
    "shm": "shared-memory",
    "tcp": "kernel-tcp",
}
