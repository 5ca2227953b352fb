"""RDMA device that verbs take: its label, or the reason why it cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aethermodel.fabrics import FABRICS, DeviceLabel, Fabric, FabricLabel

_DEVICES = Path("/sys/class/infiniband")


def label_of(device: str) -> DeviceLabel:
    """Return the provenance label of a device.

    A card sits on a bus: its folder in sysfs links to a ``device``. A device in software has
    none, or has a file ``parent`` besides, with the network interface that rxe sits on.
    """
    folder = _DEVICES / device
    on_no_bus = folder.exists() and not (folder / "device").exists()
    software = device.startswith("rxe") or on_no_bus or (folder / "parent").exists()
    return "soft-roce" if software else "rdma-nic"


def usable_device(pinned_bytes: int = 0) -> DeviceLabel:
    """Return the label of the device that verbs take by default, after trying it.

    Parameters
    ----------
    pinned_bytes : int
        What each end is going to register: whether it may is tried as well.

    Raises
    ------
    ValueError
        If there is no device, or it cannot be used so, with the reason in one line.
    """
    from cython_core import rdma_available

    available, reason = rdma_available()
    if not available:
        raise ValueError(f"no RDMA device: {reason} (tools/guest/run.py brings a Soft-RoCE one)")
    from cython_core.verbs import Device, ProtectionDomain, RdmaBuffer
    from cython_core.verbs.errors import RdmaError

    with Device() as device:
        if pinned_bytes:
            try:
                with (
                    ProtectionDomain(device) as domain,
                    RdmaBuffer(domain, np.empty(pinned_bytes, np.uint8)),
                ):
                    pass
            except RdmaError as error:
                raise ValueError(f"{device.name}: {error}") from None
        return label_of(device.name)


def label_here(fabric: Fabric) -> FabricLabel:
    """Return the provenance label of a fabric's figures taken on this host.

    Raises
    ------
    ValueError
        As `usable_device`, for verbs.
    """
    return FABRICS[fabric].label or usable_device()
