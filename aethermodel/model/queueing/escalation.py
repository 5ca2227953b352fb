"""Escalated decisions in flight, by Little's law."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

#: Events a second that the bus carries, and the share of them that is escalated.
RATE = sympy.Symbol("lambda", nonnegative=True)
SHARE = sympy.Symbol("p_escalated", nonnegative=True)
#: Seconds from escalation to answer, and events that are asked about at once.
LATENCY = sympy.Symbol("W", nonnegative=True)
GROUP = sympy.Symbol("g", positive=True)

#: L = lambda p W / g (Little 1961, doi 10.1287/opre.9.3.383): decisions in flight on average.
IN_FLIGHT = RATE * SHARE * LATENCY / GROUP


@dataclass(frozen=True)
class Escalation:
    """Decisions that leave the hot path.

    Parameters
    ----------
    share : float
        Of the events that are escalated, 0 to 1.
    latency_seconds : float
        Mean, from escalation to answer; above 0.
    group : float
        Events that one decision is about, on average; at least 1.

    Raises
    ------
    ValueError
        If a figure is out of range.

    Examples
    --------
    One event in a million of 100 million a second, answered in half a second:

    >>> Escalation(share=1e-6, latency_seconds=0.5).in_flight(100e6)
    50.0
    """

    share: float
    latency_seconds: float
    group: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"a share lies between 0 and 1, not at {self.share}")
        if not 0 < self.latency_seconds < float("inf"):
            raise ValueError(f"a latency is above 0 seconds, not {self.latency_seconds}")
        if not self.group >= 1:
            raise ValueError(f"a decision is about at least 1 event, not {self.group}")

    def in_flight(self, events_per_second: float) -> float:
        """Return how many decisions a rate keeps in flight on average.

        As many must be allowed at once, and more where arrivals or latencies vary.

        Raises
        ------
        ValueError
            If the rate is negative.
        """
        if not events_per_second >= 0:
            raise ValueError(f"a rate is not negative, but {events_per_second} is")
        values = {
            RATE: events_per_second,
            SHARE: self.share,
            LATENCY: self.latency_seconds,
            GROUP: self.group,
        }
        return float(IN_FLIGHT.subs(values))

    def limit_per_second(self, concurrency: int) -> float:
        """Return the events a second above which decisions must fall back.

        Parameters
        ----------
        concurrency : int
            Decisions allowed in flight, at least 1.

        Returns
        -------
        float
            Infinite where nothing is escalated.
        """
        _check_concurrency(concurrency)
        if not self.share:
            return float("inf")
        return concurrency * self.group / (self.share * self.latency_seconds)

    def fallback_share(self, events_per_second: float, concurrency: int) -> float:
        """Return the least share of decisions that falls back for want of room.

        It is that of steady flow: whatever comes in bursts falls back more often.
        """
        _check_concurrency(concurrency)
        wanted = self.in_flight(events_per_second)
        return max(0.0, 1 - concurrency / wanted) if wanted else 0.0


def _check_concurrency(concurrency: int) -> None:
    if concurrency < 1:
        raise ValueError(f"at least 1 decision is in flight at a time, not {concurrency}")
