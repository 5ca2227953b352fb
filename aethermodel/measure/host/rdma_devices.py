"""RDMA devices of this host, or the reason why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aethermodel.fabrics import FABRICS, Fabric
from aethermodel.labels import DeviceLabel, FabricLabel

if TYPE_CHECKING:
    import pandas as pd

_DEVICES = Path("/sys/class/infiniband")


def label_of(device: str) -> DeviceLabel:
    """Return the honest label of a device.

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
    """Return the honest label of a fabric's figures taken on this host.

    Raises
    ------
    ValueError
        As `usable_device`, for verbs.
    """
    return FABRICS[fabric].label or usable_device()


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes
    ----------
    devices : tuple of dict
        ``device``, ``ports``, ``mtu`` (bytes, of port 1) and ``label``.
    by : str
        ``pyverbs``, ``cython_core.verbs``, or empty where neither can be loaded.
    why : str
        Why there is none, or why it was not pyverbs.
    """

    devices: tuple[dict[str, object], ...]
    by: str
    why: str

    def table(self) -> pd.DataFrame:
        """Return one row a device; none where there is none."""
        import pandas as pd

        return pd.DataFrame(list(self.devices), columns=["device", "ports", "mtu", "label"])

    @property
    def sentence(self) -> str:
        """What to say above the table."""
        if self.devices:
            return f"Found by {self.by}." + (f" {self.why}" if self.why else "")
        return f"No RDMA device here: {self.why}"


def find_verbs_devices() -> Found:
    """Look for devices; never raises."""
    try:
        rows = _by_pyverbs()
        return Found(rows, "pyverbs", "" if rows else "pyverbs lists none")
    except ImportError as error:
        why = f"pyverbs cannot be loaded ({error})."
    except Exception as error:  # pyverbs raises what it likes; ours still knows
        why = f"pyverbs failed ({error})."
    try:
        from cython_core.verbs import Device, device_names
        from cython_core.verbs.errors import RdmaError
    except ImportError as error:
        return Found((), "", f"{error}; {why}")
    listed: list[dict[str, object]] = []
    for name in device_names():
        try:
            with Device(name) as device:
                listed.append(_row(name, 1, device.mtu))
        except RdmaError as error:
            why += f" {name}: {error}."
    return Found(tuple(listed), "cython_core.verbs", why if listed else f"none is listed; {why}")


def _by_pyverbs() -> tuple[dict[str, object], ...]:
    from pyverbs import device as verbs

    rows = []
    for listed in verbs.get_device_list():
        name = listed.name.decode()
        with verbs.Context(name=name) as context:
            ports = context.query_device().phys_port_cnt
            # The enumeration counts powers of two from 256 bytes = 1.
            rows.append(_row(name, ports, 128 << context.query_port(1).active_mtu))
    return tuple(rows)


def _row(name: str, ports: int, mtu: int) -> dict[str, object]:
    return {"device": name, "ports": ports, "mtu": mtu, "label": label_of(name)}
