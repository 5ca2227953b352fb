"""Orders: a pipeline of one's own, to start from."""

import asyncio
import json

import numpy as np

from aethermodel import Pipeline

ORDER = np.dtype([("id", "u8"), ("price", "f8"), ("amount", "f8"), ("text", "S40")])

pipeline = Pipeline("orders", record_bytes=ORDER.itemsize, largest=10_000)


@pipeline.source
def orders(n, rng):
    """Make a batch as it comes in: n records, as bytes."""
    batch = np.zeros(n, ORDER)
    batch["price"], batch["amount"] = rng.random(n), rng.integers(1, 100, n)
    return batch.tobytes()


@pipeline.stage
def decode(data):
    """Read the records, and what each is worth."""
    batch = np.frombuffer(data, ORDER)
    return batch["price"] * batch["amount"]


@pipeline.stage
def score(worth):
    """Rank them."""
    return np.argsort(np.log1p(worth))


@pipeline.stage
async def publish(ranks):
    """Write them out; put your client's call in place of the sleep."""
    json.dumps({"topic": "orders", "ranks": ranks.tolist()}).encode()
    await asyncio.sleep(0)
