"""Producer task: sends a numbered pool of batches at their due times."""

from __future__ import annotations

import asyncio

from aethermodel.bus.fabrics.protocol import Batch, Sender
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import BatchForm, make_pool
from cython_core import now_ns

#: Batches that may wait, and different batches in turn: one is being handled and one
#: is being stamped while the others wait.
DEPTH, POOL = 2, 4


def numbered_pool(batch_size: int, topics: int, record_bytes: int = EVENT_BYTES) -> list[Batch]:
    """Make `POOL` batches whose sequences go on from one to the next."""
    form = BatchForm(batch_size, topics, record_bytes=record_bytes)
    pool, numbered = make_pool(batch_size, topics, POOL, record_bytes=form.record), form.numbering()
    for i, batch in enumerate(pool):
        numbered(batch, i * batch_size, 0)
    return pool


async def produce(fabric: Sender, pool: list[Batch], batches: int, interval_ns: int) -> None:
    """Send batches round-robin, each with the time it was meant to go in its first event.

    Where that has room for it.

    Parameters
    ----------
    fabric : Sender
    pool : list of batches
    batches : int
    interval_ns : int
        Between those times; 0: each is meant to go when it can. A batch that is late goes
        at once and keeps its time, so that waiting to send counts as latency.
    """
    start = now_ns()
    timed = "timestamp_ns" in (pool[0].dtype.names or ())
    for i in range(batches):
        batch = pool[i % len(pool)]
        meant = start + i * interval_ns if interval_ns else now_ns()
        while now_ns() < meant:
            await asyncio.sleep(0)
        if timed:
            batch["timestamp_ns"][0] = meant
        await fabric.send(batch)
        await asyncio.sleep(0)
