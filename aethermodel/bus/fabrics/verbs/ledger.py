"""Ledger of a stream: each batch committed, delivered, consumed."""

from __future__ import annotations

from collections import deque


class Ledger:
    """Batches in the order of their commits, each a message that is kept until it has arrived.

    Messages are numbered from 0. The last one of a stream has no events and no place in
    the ring: it says goodbye.

    Attributes
    ----------
    messages : int
        Committed so far.
    arrived : int
        Messages that are known to be in the receiver's memory.
    position, delivered, consumed : int
        Events committed, in the receiver's memory, and released by its consumer.
    """

    def __init__(self) -> None:
        self.messages = self.arrived = 0
        self.position = self.delivered = self.consumed = 0
        self._released = 0  # messages
        self._kept: deque[tuple[int, int]] = deque()  # position and events of those not arrived
        self._unconsumed: deque[int] = deque()  # events of each

    def commit(self, events: int) -> None:
        """Note the next message."""
        self._kept.append((self.position, events))
        self._unconsumed.append(events)
        self.messages += 1
        self.position += events

    def kept(self, message: int) -> tuple[int, int]:
        """Return position and events of a message that has not arrived."""
        return self._kept[message - self.arrived]

    def arrive(self, messages: int) -> None:
        """Note that so many have arrived in all.

        Raises
        ------
        ValueError
            If fewer had been sent, or more had arrived before.
        """
        if not self.arrived <= messages <= self.messages:
            raise ValueError(
                f"the peer counts {messages} messages, outside the {self.arrived} that arrived "
                f"to {self.messages} sent"
            )
        while self.arrived < messages:
            self.delivered += self._kept.popleft()[1]
            self.arrived += 1

    def release(self, messages: int) -> int:
        """Note that the consumer released so many in all, and return the events of the new ones.

        They may be more than are known to have arrived: not each arrival is acknowledged
        by itself. More than were sent are not believed.
        """
        events = 0
        while self._released < min(messages, self.messages):
            events += self._unconsumed.popleft()
            self._released += 1
        self.consumed += events
        return events
