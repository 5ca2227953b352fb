"""Address of this host towards another one, and the RDMA device that has it."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address

from aethermodel.measure.host.rdma_ports import find_devices
from aethermodel.measure.host.system_files import Roots


def device_at(address: str, roots: Roots | None = None) -> str | None:
    """Return the name of the RDMA device that has an IP address; None where none has it."""
    wanted = ip_address(address)
    if wanted.version == 4:
        wanted = ip_address(f"::ffff:{address}")
    for port in find_devices(roots).ports:
        if any(gid.address == wanted for gid in port.gids):
            return port.device
    return None


def own_address(host: str, port: int, *, listening: bool) -> str:
    """Return the IP address at which this host listens, or from which it calls; nothing is sent.

    Raises
    ------
    ConnectionError
        If there is no way to the host, or no such host.
    """
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise ConnectionError(f"{host}: cannot be reached: {error.strerror}") from None
    for family, _, _, _, place in places:
        if listening:
            return str(place[0])
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(place)
            return str(asking.getsockname()[0])
    raise ConnectionError(f"{host}: cannot be reached: there is no way to it")
