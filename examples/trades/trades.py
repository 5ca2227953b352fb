"""Pipeline of trades: a consumer of a Redis stream that batches by XREADGROUP COUNT."""

import numpy as np
from trade_stream import INSTRUMENTS, TRADE, TradeStream, decode_trades, make_trades, redis_server

from aethermodel import Pipeline

pipeline = Pipeline("trades", record_bytes=TRADE.itemsize, largest=4096)


@pipeline.source
def count(n, rng):
    return n  # the trades are in the stream: a batch is as many as are asked for


@pipeline.resource
def stream():
    with redis_server() as client:
        yield TradeStream(client, make_trades(4 * pipeline.largest, np.random.default_rng(1)))


@pipeline.resource
def positions():
    return np.zeros(INSTRUMENTS)


@pipeline.stage
def read(count, stream):
    return stream.read(count)


pipeline.stage(decode_trades, name="decode")


@pipeline.stage
def book(trades, positions):
    positions += np.bincount(trades["instrument"], trades["quantity"], INSTRUMENTS)
