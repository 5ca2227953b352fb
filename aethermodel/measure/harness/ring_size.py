"""Ring size: how many events fit between the producer and the consumer of a measurement."""

from __future__ import annotations

from aethermodel.fabrics import RING_BATCHES, RING_BYTES
from aethermodel.kernel_facts import EVENT_BYTES

#: Bytes of the largest batch that goes through one here: it has room for two or more, is mapped
#: twice, and was made elsewhere first.
MOST_BATCH_BYTES = 2**26
# Of the smallest ring.
_LEAST_BYTES = 2**16


def ring_capacity(batch_size: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return the ring's size: a power of two with room for eight batches, or for two large ones.

    With few small ones the consumer fetches lines from the producer's own cache; with eight they
    have been written back to the shared one, which both ends reach faster. But both ends go round
    the whole ring, and past the part of that cache which is theirs every event comes from memory.
    """
    eight = min(RING_BATCHES * batch_size, RING_BYTES // record_bytes)
    room = max(eight, 2 * batch_size, _LEAST_BYTES // record_bytes)
    return 1 << (room - 1).bit_length()


def ring_bytes(batch_size: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return what a ring of `ring_capacity` pins where it is registered: it is mapped twice."""
    return 2 * record_bytes * ring_capacity(batch_size, record_bytes)
