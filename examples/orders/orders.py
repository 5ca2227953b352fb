"""Pipeline of orders: a consumer of a Redis stream that batches by XREADGROUP COUNT."""

import numpy as np
from order_stream import INSTRUMENTS, ORDER, OrderStream, decode_orders, make_orders, redis_server

from aethermodel import Pipeline

pipeline = Pipeline("orders", record_bytes=ORDER.itemsize, largest=4096)


@pipeline.source
def count(n, rng):
    return n  # the orders are in the stream: a batch is as many as are asked for


@pipeline.resource
def stream():
    with redis_server() as client:
        yield OrderStream(client, make_orders(4 * pipeline.largest, np.random.default_rng(1)))


@pipeline.resource
def positions():
    return np.zeros(INSTRUMENTS)


@pipeline.stage
def read(count, stream):
    return stream.read(count)


pipeline.stage(decode_orders, name="decode")


@pipeline.stage
def book(orders, positions):
    positions += np.bincount(orders["instrument"], orders["quantity"], INSTRUMENTS)
