"""Ring size: how many events fit between the producer and the consumer of a measurement."""

from __future__ import annotations

from aethermodel.calibrate.calibration.conditions import RING_BATCHES, RING_EVENTS
from aethermodel.kernel_facts import EVENT_BYTES


def ring_capacity(batch_size: int) -> int:
    """Return the ring's size: a power of two with room for eight batches, or for two large ones.

    With few small ones the consumer fetches lines from the producer's own cache; with eight they
    have been written back to the shared one, which both ends reach faster. But both ends go round
    the whole ring, and past the part of that cache which is theirs every event comes from memory.
    """
    room = max(min(RING_BATCHES * batch_size, RING_EVENTS), 2 * batch_size, 1024)
    return 1 << (room - 1).bit_length()


def ring_bytes(batch_size: int) -> int:
    """Return what a ring of `ring_capacity` pins where it is registered: it is mapped twice."""
    return 2 * EVENT_BYTES * ring_capacity(batch_size)
