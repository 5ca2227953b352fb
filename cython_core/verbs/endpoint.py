"""What one side must tell the other before a reliable connection can be made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a connection.

    Keys are kept out of ``repr``: they open memory to whoever knows them.

    Parameters
    ----------
    number : int
        Queue pair number, 24 bits; 0, which never connects, from a side that could not.
    psn : int
        First packet sequence number, 24 bits, random.
    gid : bytes
        16 bytes.
    lid : int
        0 on Ethernet.
    mtu : int
        Largest packet payload of the port, in bytes.
    address, length, key : int
        Memory that the peer may write; 0 where there is none.
    credit_address, credit_key : int
        The 8-byte word in which this side takes credits; 0 where it takes none.
    granted : int
        Messages that the peer may have sent in all; receives are posted for them.
    delivered : int
        Messages received so far, from which a recovered stream goes on; -1 where
        this side does not count (plain RDMA writes).
    """

    number: int
    psn: int
    gid: bytes
    lid: int
    mtu: int
    address: int = 0
    length: int = 0
    key: int = field(default=0, repr=False)
    credit_address: int = field(default=0, repr=False)
    credit_key: int = field(default=0, repr=False)
    granted: int = 0
    delivered: int = -1

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the GID in hexadecimal."""
        return asdict(self) | {"gid": self.gid.hex()}

    @classmethod
    def from_dict(cls, values: object) -> Endpoint:
        """Check what came from a peer and return it as an `Endpoint`.

        Raises
        ------
        ValueError
            If a field is missing, unknown, of another type or out of range.
        """
        if not isinstance(values, dict):
            raise ValueError("an endpoint is an object")
        names = {item.name for item in fields(cls)}
        if set(values) != names:
            raise ValueError(f"endpoint fields differ: {sorted(set(values) ^ names)}")
        gid = values["gid"]
        if not isinstance(gid, str) or len(gid) != 32:
            raise ValueError("gid is 32 hexadecimal digits")
        numbers: dict[str, int] = {}
        for name in names - {"gid"}:
            value = values[name]
            lowest = -1 if name == "delivered" else 0
            if type(value) is not int or not lowest <= value < 2 ** _BITS.get(name, 64):
                raise ValueError(f"{name} is out of range")
            numbers[name] = value
        return cls(gid=bytes.fromhex(gid), **numbers)


_BITS = {"number": 24, "psn": 24, "lid": 16, "mtu": 13, "key": 32, "credit_key": 32}
