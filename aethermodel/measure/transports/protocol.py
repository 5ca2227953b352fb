"""Protocol of a transport between two processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cython_core import EVENT_BYTES, EVENT_DTYPE

Batch = npt.NDArray[Any]

#: Batches that may be under way before the producer waits, where that can be set.
DEPTH = 4


def as_bytes(batch: Batch) -> memoryview:
    """Look at a batch as writable bytes, without copying them."""
    return memoryview(batch.view(np.uint8).data)


def as_events(buffer: Any) -> Batch:
    """Look at bytes as events; copied only where they lie too crooked for the router."""
    events: Batch = np.frombuffer(buffer, EVENT_DTYPE)
    return events if events.flags.aligned else events.copy()


class Sender(ABC):
    """The producer's end."""

    @abstractmethod
    def send(self, batch: Batch) -> None:
        """Send a copy of `batch`; return when the producer may change it."""

    def close(self) -> None:  # noqa: B027
        """Let go; the receiver has had everything."""


class Transport(ABC):
    """The consumer's end, and the description that a producer joins by.

    Parameters
    ----------
    batch_size : int
        Events in each batch.
    record_bytes : int
        Of each event; others than 64 where `any_record` is set.
    """

    name: ClassVar[str]
    #: In words: what is sent, and who waits how.
    form: ClassVar[str]
    #: Whether it carries records of any size.
    any_record: ClassVar[bool] = False

    def __init__(self, batch_size: int, record_bytes: int = EVENT_BYTES) -> None:
        self.batch_size = batch_size
        self.record_bytes = record_bytes

    @abstractmethod
    def handle(self) -> Any:
        """Return what a spawned process needs to join; it is pickled once."""

    @classmethod
    @abstractmethod
    def join(cls, handle: Any) -> Sender:
        """Open the producer's end in its own process."""

    def joined(self) -> None:  # noqa: B027
        """Meet the producer, which has joined and has not sent yet."""

    @abstractmethod
    def receive(self) -> Batch:
        """Wait for the next batch; valid until `release`."""

    def release(self) -> None:  # noqa: B027
        """Give the last batch back."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; nothing is left on the host."""
