"""Wire format of the TCP fabric: greeting, frames of events, receipts.

A frame is a head and the events as they are in memory. The head has a checksum of its own and
one of the events: the events' own checksums are the producer's to make, and most make none. Its
number counts the frames of the connection, so that none is missing or double.

TCP itself keeps order and loses nothing; these checks are for a peer that is broken, not for one
that can change the bytes on their way and make checksums anew. Against that one only encryption
helps: a tunnel, where the connection leaves the host.
"""

from __future__ import annotations

import struct

from aethermodel.bus.fabrics.key_exchange import NONCE_BYTES, TAG_BYTES
from cython_core import crc32c

#: Magic, events, number of the frame, checksum of its events; then the head's own checksum.
_HEAD = struct.Struct("<4sIQI")
_CHECKSUM = struct.Struct("<I")
_WHOLE = struct.Struct("<4sIQII")
HEAD_BYTES = _WHOLE.size
MAGIC = b"AEB3"

#: Batches released so far, and the checksum of that.
_RECEIPT = struct.Struct("<Q")
RECEIPT_BYTES = _RECEIPT.size + _CHECKSUM.size

#: The connection that carries frames, and the one that carries receipts back.
EVENTS, RECEIPTS = b"E", b"R"
STREAM_BYTES = 16
CONTEXT = b"aethermodel tcp 3"
GREETING_BYTES = len(MAGIC) + NONCE_BYTES
#: What dials: its kind, the stream it belongs to, a nonce and a tag.
HELLO_BYTES = 1 + STREAM_BYTES + NONCE_BYTES + TAG_BYTES
#: What answers: the most events a batch, the bytes of each, and a tag.
WELCOME = struct.Struct("<II")
WELCOME_BYTES = WELCOME.size + TAG_BYTES


def pack_head(events: int, number: int, checksum: int) -> bytes:
    """Return the head of a frame.

    Parameters
    ----------
    events : int
        How many follow; 0 ends the stream.
    number : int
        Frames before it.
    checksum : int
        Of the events, by `cython_core.frame_checksum`.
    """
    head = _HEAD.pack(MAGIC, events, number, checksum)
    return head + _CHECKSUM.pack(crc32c(head))


class HeadReader:
    """Room for the head of a frame.

    Attributes
    ----------
    wire : memoryview
        Where its `HEAD_BYTES` bytes are to be read into.
    """

    def __init__(self) -> None:
        self.wire = memoryview(bytearray(HEAD_BYTES))
        self._covered = self.wire[: _HEAD.size]

    def read(self) -> tuple[int, int, int] | None:
        """Return events, number and checksum as `pack_head` was given them; None if it is none."""
        magic, events, number, checksum, own = _WHOLE.unpack(self.wire)
        if magic != MAGIC or own != crc32c(self._covered):
            return None
        return events, number, checksum


def pack_receipt(batches: int) -> bytes:
    """Return the bytes that say how many batches were released so far."""
    body = _RECEIPT.pack(batches)
    return body + _CHECKSUM.pack(crc32c(body))


def unpack_receipt(wire: bytes) -> int | None:
    """Return how many batches a receipt of `RECEIPT_BYTES` tells of; None if it is none."""
    body = wire[: _RECEIPT.size]
    if _CHECKSUM.pack(crc32c(body)) != wire[_RECEIPT.size :]:
        return None
    (batches,) = _RECEIPT.unpack(body)
    return int(batches)
