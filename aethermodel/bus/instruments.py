"""Instruments of a bus: tick times, queue depths, batch sizes, handler times, drops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aethermodel import thresholds
from aethermodel.bus.topics import Topics
from cython_core import Counts

if TYPE_CHECKING:
    import pandas as pd


class Instruments(Counts):
    """Counters and histograms of one bus.

    Parameters
    ----------
    topics : Topics

    Attributes
    ----------
    tick_ns : Histogram
        Nanoseconds from a batch in hand to the return of its last handler.
    batch_events : Histogram
        Events a batch, of those that all handlers returned from: what came in is their total and
        those `refused`, `dropped` and `lost`.
    waiting_events : Histogram
        Events that still waited when a batch was taken: the queue's depth.
    calls, handled, failed, handler_ns : list of int
        By topic id: handler calls, events shown to handlers, calls that raised, and
        nanoseconds from call to return, waiting included for async ones.
    refused : int
        Events of batches that could not be routed.
    dropped : int
        Events dropped by back-pressure.
    lost : int
        Events that the bus had, or that waited for it, and that not all their handlers were shown
        to the end: it was cancelled, or a receiver failed.
    streams_lost : int
        Receivers that ended otherwise than in good order.
    interruptions : int
        Times that a task of the bus was cancelled by somebody else, and went on.
    gaps : int
        Batches in which an event was not the next of its receiver, where the bus compares.
    copied_bytes : int
        Event bytes copied between a producer's commit and the handlers' view: 0 over
        loopback and shared memory.
    """

    def __init__(self, topics: Topics) -> None:
        super().__init__(len(topics))
        self.topics = topics
        self.refused = 0
        self.dropped = 0
        self.lost = 0
        self.streams_lost = 0
        self.interruptions = 0
        self.gaps = 0
        self.copied_bytes = 0

    def clear(self) -> None:
        """Start from zero, as after a warm-up."""
        for histogram in (self.tick_ns, self.batch_events, self.waiting_events):
            histogram.clear()
        for counts in (self.calls, self.handled, self.failed, self.handler_ns):
            counts[:] = [0] * len(counts)
        self.refused = self.dropped = self.lost = self.streams_lost = self.interruptions = 0
        self.gaps = self.copied_bytes = 0

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole bus, as JSON values with units in their names."""
        tick = {
            f"tick_{k}_seconds": self.tick_ns.quantile(s) / 1e9
            for k, s in thresholds.FEW_PERCENTILES.items()
        }
        return {
            "ticks": self.tick_ns.count,
            "events": self.batch_events.total,
            **tick,
            "tick_maximum_seconds": self.tick_ns.maximum / 1e9,
            "batch_mean_events": self.batch_events.mean,
            "waiting_p99_events": self.waiting_events.quantile(0.99),
            "handler_calls": sum(self.calls),
            "handler_failures": sum(self.failed),
            "handler_seconds": sum(self.handler_ns) / 1e9,
            "refused_events": self.refused,
            "dropped_events": self.dropped,
            "lost_events": self.lost,
            "lost_streams": self.streams_lost,
            "interruptions": self.interruptions,
            "sequence_gaps": self.gaps,
            "copied_bytes": self.copied_bytes,
        }

    def table(self) -> pd.DataFrame:
        """Return one row a topic: calls, events, failures, seconds in handlers."""
        import pandas as pd

        return pd.DataFrame(
            {
                "calls": self.calls,
                "events": self.handled,
                "failures": self.failed,
                "handler_seconds": [ns / 1e9 for ns in self.handler_ns],
            },
            index=pd.Index(list(self.topics), name="topic"),
        )
