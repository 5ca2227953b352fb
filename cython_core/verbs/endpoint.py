"""Endpoint description that one side tells the other before they connect."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, fields


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
    record_bytes : int
        Of each record of a stream of batches.
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
    record_bytes: int = 64

    def to_bytes(self) -> bytes:
        """Return `PACKED_BYTES` bytes for the peer."""
        return _PACKED.pack(*(getattr(self, name) for name in _NAMES))

    @classmethod
    def from_bytes(cls, packed: bytes) -> Endpoint:
        """Check what came from a peer and return it as an `Endpoint`.

        Raises
        ------
        ValueError
            If it has another length, or a number is out of range.
        """
        if len(packed) != PACKED_BYTES:
            raise ValueError(f"an endpoint has {PACKED_BYTES} bytes, not {len(packed)}")
        values = dict(zip(_NAMES, _PACKED.unpack(packed), strict=True))
        for name, bits in _BITS.items():
            if values[name] >= 2**bits:
                raise ValueError(f"{name} is out of range")
        if values["delivered"] < -1:
            raise ValueError("delivered is out of range")
        return cls(**values)


_NAMES = tuple(item.name for item in fields(Endpoint))
# Of fixed length, with nothing in it that has to be parsed: it comes from the network.
_PACKED = struct.Struct(">II16sHHQQIQIQqI")
#: What an endpoint takes on the wire.
PACKED_BYTES = _PACKED.size
# Narrower than their place on the wire.
_BITS = {"number": 24, "psn": 24, "mtu": 13, "record_bytes": 17}
