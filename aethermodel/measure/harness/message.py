"""Single message and its queue, for the asyncio.Queue baseline."""

from __future__ import annotations

from typing import NamedTuple

#: Messages that may wait in the queue.
QUEUE_DEPTH = 10_000


class Message(NamedTuple):
    """A message as Python code would make it."""

    sequence: int
    topic: int
    value: float
    meant_ns: int
