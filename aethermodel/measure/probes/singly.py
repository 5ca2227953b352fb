"""Single-message probe: one message through an asyncio.Queue, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Literal

from pydantic import BaseModel, ConfigDict

from aethermodel.measure.harness.asyncio_queue import QUEUE_DEPTH, Message
from aethermodel.measure.harness.event_loops import EventLoop, on_loop
from aethermodel.measure.probes.settings import setting
from cython_core import Histogram, now_ns

Part = Literal["make", "hop", "handle"]
#: They add up to one message's time.
PARTS: tuple[Part, ...] = ("make", "hop", "handle")


class Settings(BaseModel):
    """Which part, and the loop that the hop runs on.

    Attributes
    ----------
    part : {"make", "hop", "handle"}
        Making a message with its time; putting it into the queue and getting it out in
        another task; checking it, calling its topic's handler and counting its latency.
    event_loop : {"asyncio", "uvloop"}
    topics : int
        Topics, each with a handler.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: Part = setting("hop", "making a message, its way through the queue, or its handling")
    event_loop: EventLoop = setting("asyncio", "event loop that the hop runs on")
    topics: int = setting(16, "topics, each with a handler", "topics", ge=1, le=65_536)


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time one part; the other two are not in the figure."""
    timed = {"make": _make, "hop": _hop, "handle": _handle}[settings.part]
    return on_loop(settings.event_loop, timed(settings.topics))


Timed = Callable[[int], Coroutine[None, None, float]]


def _make(topics: int) -> Timed:
    # As many are alive as wait in the queue of the whole.
    kept: list[Message | None] = [None] * QUEUE_DEPTH

    async def timed(loops: int) -> float:
        start = perf_counter()
        for i in range(loops):
            meant = now_ns()
            while now_ns() < meant:
                await asyncio.sleep(0)
            kept[i % QUEUE_DEPTH] = Message(i, i % topics, 1.0, meant)
        return perf_counter() - start

    return timed


def _hop(topics: int) -> Timed:
    # As many different ones as wait in the queue of the whole, which the caches have to hold.
    messages = [Message(i, i % topics, 1.0, 0) for i in range(QUEUE_DEPTH)]

    async def timed(loops: int) -> float:
        queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_DEPTH)

        async def produce() -> None:
            for i in range(loops):
                await queue.put(messages[i % QUEUE_DEPTH])

        start = perf_counter()
        producer = asyncio.create_task(produce())
        for _ in range(loops):
            await queue.get()
        seconds = perf_counter() - start
        await producer
        return seconds

    return timed


def _handle(topics: int) -> Timed:
    messages = [Message(i, i % topics, 1.0, now_ns()) for i in range(QUEUE_DEPTH)]
    totals = [0.0] * topics

    def handle(message: Message) -> None:
        totals[message.topic] += message.value

    handlers = dict.fromkeys(range(topics), handle)

    async def timed(loops: int) -> float:
        latency_ns = Histogram()
        start = perf_counter()
        for i in range(loops):
            message = messages[i % QUEUE_DEPTH]
            if message.sequence != i % QUEUE_DEPTH:
                raise AssertionError("the messages are not what was made")
            handlers[message.topic](message)
            ended = now_ns()
            latency_ns.record(ended - message.meant_ns)
        return perf_counter() - start

    return timed
