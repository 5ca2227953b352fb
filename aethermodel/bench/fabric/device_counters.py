"""Counters of an RDMA device: what it has sent again, or been sent again."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

_DEVICES = Path("/sys/class/infiniband")
# Each rises where a packet was lost: those of Soft-RoCE, and those of Mellanox's mlx5.
_RESENT = (
    "completer_retry_err",
    "rcvd_seq_err",
    "out_of_seq_request",
    "duplicate_request",
    "packet_seq_err",
    "out_of_sequence",
    "local_ack_timeout_err",
    "implied_nak_seq_err",
)
# The kernel reads a device's counters anew after so many milliseconds only.
_LIFESPAN, _MARGIN = "lifespan", 0.002


class Resends:
    """Packets that went through a device more than once, of all its connections.

    Parameters
    ----------
    device : str
    port : int

    Attributes
    ----------
    known : bool
        Whether the device counts them.
    fresh_seconds : float
        After such a time a count is none of before.
    """

    def __init__(self, device: str, port: int = 1, devices: Path = _DEVICES) -> None:
        folder = devices / device / "ports" / str(port) / "hw_counters"
        self._files: list[int] = []
        for name in _RESENT:
            with suppress(OSError):
                self._files.append(os.open(folder / name, os.O_RDONLY))
        self.known = bool(self._files)
        self.fresh_seconds = 0.0
        if self.known:
            with suppress(OSError, ValueError):
                self.fresh_seconds = int((folder / _LIFESPAN).read_text()) / 1e3 + _MARGIN

    def count(self) -> int:
        """Return how many there are so far; 0 where the device does not count them."""
        return sum(int(os.pread(file, 32, 0)) for file in self._files)

    def close(self) -> None:
        """Close the counters; idempotent."""
        while self._files:
            os.close(self._files.pop())


def device_at(address: str, devices: Path = _DEVICES) -> str | None:
    """Return the name of the RDMA device that has an IP address; None where none has it."""
    wanted = ip_address(address)
    if wanted.version == 4:
        wanted = ip_address(f"::ffff:{address}")
    for path in sorted(devices.glob("*/ports/1/gids/*")):
        with suppress(OSError, ValueError):  # an empty entry
            if ip_address(path.read_text().strip()) == wanted:
                return path.parents[3].name
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
