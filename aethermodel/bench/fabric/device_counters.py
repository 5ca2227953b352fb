"""Counters of an RDMA device: what it has sent again, or been sent again."""

from __future__ import annotations

import os
from contextlib import suppress
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
