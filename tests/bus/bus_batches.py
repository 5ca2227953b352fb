"""Batches for the bus's tests, and what became of their events."""

from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import number


def batch_of(events, first=0):
    batch = make_batch(events, 1, seed=0)
    number(batch, first, 0)
    return batch


def accounted(bus):
    """Return events that came in, by what the bus says became of them."""
    seen = bus.instruments
    return seen.batch_events.total + seen.refused + seen.dropped + seen.lost
