"""RDMA availability, with the reason where there is none."""

from __future__ import annotations


def rdma_available() -> tuple[bool, str]:
    """Tell whether an RDMA device can be used, and why not.

    Returns
    -------
    available : bool
    reason : str
        The device and its address, or what is missing.

    Examples
    --------
    >>> available, reason = rdma_available()
    """
    try:
        from cython_core.verbs import Device
        from cython_core.verbs.errors import RdmaError
    except ImportError as error:
        return False, str(error)
    try:
        with Device() as device:
            gid = next(gid for gid in device.gids() if gid.index == device.gid_index)
            return True, f"{device.name} port {device.port}, {gid.kind} {gid.address}"
    except RdmaError as error:
        return False, str(error)
