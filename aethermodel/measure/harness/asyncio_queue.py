"""asyncio.Queue as a baseline: one message at a time, or whole batches."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.measure.harness.handlers import LostEventsError
from cython_core import Histogram, now_ns

#: Messages that may wait in the queue.
QUEUE_DEPTH = 10_000


class BatchesQueued:
    """Sender and receiver of batches by an asyncio.Queue, which hands over references.

    Parameters
    ----------
    depth : int
        Batches that may wait.
    """

    label = "loopback"
    copies = 0

    def __init__(self, depth: int) -> None:
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(depth)
        self.send, self.receive = self._queue.put, self._queue.get

    @property
    def waiting(self) -> int:
        """Batches that wait; it does not know their events."""
        return self._queue.qsize()

    async def end(self) -> None:
        """Do nothing: whoever receives counts."""

    def release(self) -> None:
        """Do nothing: whoever holds the batch keeps it alive."""

    def close(self) -> None:
        """Do nothing."""


class Message(NamedTuple):
    """A message as Python code would make it."""

    sequence: int
    topic: int
    value: float
    meant_ns: int


async def move_singly(
    messages: int, topics: int, interval_ns: float, latency_ns: Histogram
) -> float:
    """Move messages from a producer task to handlers, and check each one's sequence.

    Parameters
    ----------
    messages, topics : int
    interval_ns : float
        Between the times at which messages are meant to go; 0: as fast as possible.
    latency_ns : Histogram
        Takes each message's time from when it was meant to go to its handler's return.

    Returns
    -------
    float
        Seconds from the first send to the return of the last handler.

    Raises
    ------
    LostEventsError
        If a message is missing or out of order.
    """
    queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_DEPTH)
    totals = [0.0] * topics

    def handle(message: Message) -> None:
        totals[message.topic] += message.value

    handlers = dict.fromkeys(range(topics), handle)
    start = now_ns()

    async def produce() -> None:
        for i in range(messages):
            meant = start + int(i * interval_ns) if interval_ns else now_ns()
            while now_ns() < meant:
                await asyncio.sleep(0)
            await queue.put(Message(i, i % topics, 1.0, meant))

    producer = asyncio.create_task(produce())
    ended = start
    for i in range(messages):
        message = await queue.get()
        if message.sequence != i:
            raise LostEventsError(f"message {i} should come, message {message.sequence} came")
        handlers[message.topic](message)
        ended = now_ns()
        latency_ns.record(ended - message.meant_ns)
    await producer
    if sum(totals) != messages:
        raise LostEventsError(f"handlers saw {sum(totals):.0f} of {messages} messages")
    return (ended - start) / 1e9
