"""Tiers of an idle pipeline: the parts of single ticks that the budgets are about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from aethermodel.bench.latency.load import LoadSettings
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch, Receiver
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from aethermodel.fabrics import crosses
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.event_loops import on_loop
from cython_core import Ring
from cython_core.routing.routed import Routed
from cython_core.routing.router import route_call


def tier_seconds(settings: LoadSettings, ticks: int) -> dict[str, Any]:
    """Time the parts of single ticks at an idle pipeline, tick by tick.

    Parameters
    ----------
    settings : LoadSettings
    ticks : int

    Returns
    -------
    dict of str to ndarray, shape (ticks,)
        ``fabric``: one batch sent and received; ``bridge``: one call across the language boundary
        that checks its arguments and returns, no kernel. In seconds, one clock reading included.
    """
    batch = make_batch(settings.group, settings.topics, seed=0)
    out = Routed(len(batch), settings.topics)
    found = {"fabric": np.zeros(ticks), "bridge": np.zeros(ticks)}
    send, receiver = _hop(settings, batch)

    async def timed(loops: int) -> float:
        hop, call = found["fabric"], found["bridge"]
        start = perf_counter()
        for i in range(loops):
            before = perf_counter()
            await send()
            received = await receiver.receive()
            crossed = perf_counter()
            route_call(received, settings.topics, out=out)
            after = perf_counter()
            hop[i], call[i] = crossed - before, after - crossed
            del received
            receiver.release()
            await asyncio.sleep(0)
        return perf_counter() - start

    drive = on_loop(settings.event_loop, timed)
    drive(max(1, ticks // 10))
    drive(ticks)
    receiver.close()
    return found


def _hop(settings: LoadSettings, batch: Batch) -> tuple[Callable[[], Awaitable[None]], Receiver]:
    """Return what hands a batch over, made in place already, and what takes it."""
    if not crosses(settings.fabric):
        fabric = Loopback(depth=2)
        return partial(fabric.send, batch), fabric
    producer, consumer = Ring.pair(1 << max(2 * len(batch) - 1, 1023).bit_length())
    sender = ShmSender(producer)

    async def send() -> None:
        await sender.reserve(len(batch))
        sender.commit()

    # Every place of the ring holds events of the topics that there are, as after a lap.
    for _ in range(-(-producer.capacity // len(batch))):
        producer.write(batch)
        consumer.peek(len(batch))
        consumer.release()
    return send, ShmReceiver(consumer, len(batch))
