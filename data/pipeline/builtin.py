"""Built-in pipeline, declared as one of your own: `--pipeline builtin`.

A producer task sends batches of 64-byte events to a consumer task of the same event loop, which
routes each by topic in one native call and calls a handler a topic. `aethermodel validate` without
a pipeline knows more of it: its terms apart in native code, and fabrics from another process.
"""

import asyncio

from aethermodel import Pipeline
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Plane
from aethermodel.measure.harness.batch_pool import make_batch

TOPICS = 16

pipeline = Pipeline("builtin", record_bytes=64, largest=12_288)
handled = [0]


def count(batch, positions):
    handled[0] += len(positions)


@pipeline.source
def events(n, rng):
    return make_batch(n, TOPICS, int(rng.integers(2**31)))


@pipeline.resource
def plane():
    made = Plane(TOPICS, pipeline.largest)
    for topic in range(TOPICS):
        made.on(topic, count)
    return made


@pipeline.resource
def queue():
    return Loopback(depth=2)


@pipeline.stage
async def fabric(batch, queue):
    await queue.send(batch)
    return await queue.receive()


@pipeline.stage
async def producer(batch):
    await asyncio.sleep(0)  # its turn of the loop; the consumer's is the term loop


@pipeline.stage
def tick(batch, plane):
    plane.tick(batch)  # ffi and kernel, then the handlers
