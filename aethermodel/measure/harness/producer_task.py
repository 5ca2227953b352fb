"""Producer task: sends a numbered pool of batches at their due times."""

from __future__ import annotations

import asyncio

from aethermodel.bus.fabrics.protocol import Batch, Sender
from aethermodel.measure.harness.batch_pool import make_pool
from cython_core import now_ns, number

#: Batches that may wait, and different batches in turn: one is being handled and one
#: is being stamped while the others wait.
DEPTH, POOL = 2, 4


def numbered_pool(batch_size: int, topics: int) -> list[Batch]:
    """Make `POOL` batches whose sequences go on from one to the next."""
    pool = make_pool(batch_size, topics, POOL)
    for i, batch in enumerate(pool):
        number(batch, i * batch_size, 0)
    return pool


async def produce(fabric: Sender, pool: list[Batch], batches: int, interval_ns: int) -> None:
    """Send batches round-robin, each with the time it was meant to go in its first event.

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
    for i in range(batches):
        batch = pool[i % len(pool)]
        meant = start + i * interval_ns if interval_ns else now_ns()
        while now_ns() < meant:
            await asyncio.sleep(0)
        batch["timestamp_ns"][0] = meant
        await fabric.send(batch)
        await asyncio.sleep(0)
