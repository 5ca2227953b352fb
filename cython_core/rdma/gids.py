"""Addresses of an RDMA port: their types, and which of them RoCE v2 wants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address

#: By ``enum ibv_gid_type``.
GID_TYPES = ("IB", "RoCE v1", "RoCE v2")


@dataclass(frozen=True, slots=True)
class Gid:
    """One entry of a port's address table.

    Parameters
    ----------
    index : int
        Position in the table.
    raw : bytes
        16 bytes.
    kind : str
        ``"IB"``, ``"RoCE v1"`` or ``"RoCE v2"``.
    """

    index: int
    raw: bytes
    kind: str

    @property
    def address(self) -> IPv6Address:
        """The GID as an IPv6 address."""
        return IPv6Address(self.raw)

    @property
    def score(self) -> int:
        """How well the entry suits RoCE v2: routable first, then IPv4-mapped, not link-local."""
        address = self.address
        return (
            4 * (self.kind == "RoCE v2")
            + 2 * (address.ipv4_mapped is not None)
            + (not address.is_link_local)
        )


def best_gid(gids: Iterable[Gid]) -> Gid | None:
    """Return the entry that RoCE v2 wants: the highest score, then the lowest index."""
    return max(gids, key=lambda gid: (gid.score, -gid.index), default=None)
