"""Ring counters, readable by either end while it runs."""

from typing import NamedTuple


class RingCounters(NamedTuple):
    """Live counters of a ring; the peer's figures are as the peer states them.

    Attributes
    ----------
    committed : int
        Events the producer has committed.
    consumed : int
        Events the consumer has released.
    high_water : int
        Most events the consumer ever found waiting.
    producer_waits, consumer_waits : int
        Times that end went to sleep, for room or for events.
    producer_wakeups, consumer_wakeups : int
        Times that end woke the other: system calls made on its behalf.
    """

    committed: int
    consumed: int
    high_water: int
    producer_waits: int
    producer_wakeups: int
    consumer_waits: int
    consumer_wakeups: int
