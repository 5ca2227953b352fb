"""Pipeline of quotes: a numba kernel makes signals, an asyncio publisher sends them by ZeroMQ."""

import numpy as np
from quote_kernel import QUOTE, SIGNAL, fair_prices, make_quotes
from quote_publisher import subscribed

from aethermodel import Pipeline

pipeline = Pipeline("quotes", record_bytes=QUOTE.itemsize, largest=10_000)
pipeline.source(make_quotes)


@pipeline.resource
def signals():
    return np.zeros(pipeline.largest, SIGNAL)


@pipeline.resource
async def publisher():
    async with subscribed() as opened:
        yield opened


@pipeline.stage
def price(quotes, signals):
    fair_prices(quotes, made := signals[: len(quotes)])
    return made


@pipeline.stage
async def publish(signals, publisher):
    if await publisher.publish(signals) != len(signals):
        raise ValueError("the subscriber took fewer signals than were published")
