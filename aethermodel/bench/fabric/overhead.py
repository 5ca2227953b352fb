"""Overhead of a host: the same exchange within it, over loopback or within its RDMA device.

LogGP's o (A. Alexandrov and others, Journal of Parallel and Distributed Computing 44, 1997): what
an exchange takes where there is no wire. The rest of the latency between two hosts is the wire's.

While a batch is on a wire its sender returns from its call and begins to wait. So the two ends are
put on two cores here, where the one does that beside the other; on a single core it is timed, and
taken off.

Soft-RoCE hands its packets to itself within a host, and to the kernel's UDP between two: what that
takes is timed over loopback, and added.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from aethermodel.bench.fabric.exchange_rounds import batches_of
from aethermodel.bench.fabric.exchanges import Calls
from aethermodel.bench.fabric.transports import Transport, Within
from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.order_statistics import median_interval

# Exchanges of a figure, figures, and exchanges before them.
_EXCHANGES, _FIGURES, _WARM = 50, 10, 200
# Of the shortest round trips, as of NTP's filter.
_CALM = 0.05


def calm(trips: Sequence[float]) -> float:
    """Return the round trip of those that were held up least, but for what the clock may make."""
    return sorted(trips)[int(len(trips) * _CALM)]


class Overhead(NamedTuple):
    """Seconds one way of the smallest batch within a host, with their interval."""

    seconds: float
    low: float
    high: float

    @classmethod
    def measured(cls, within: Within) -> Overhead:
        """Measure it, in a tenth of a second, with a fork at the other end: before any thread.

        Parameters
        ----------
        within : Within
            Both ends of a connection within this host.
        """
        allowed = os.sched_getaffinity(0)
        own, other = min(allowed), max(allowed)
        child = os.fork()
        if not child:
            _answer_and_end(within, other)
        within.leave_far()
        caller: Calls | None = None
        try:
            os.sched_setaffinity(0, {own})
            caller = within.caller()
            besides = within.path_seconds()
            if other == own:
                besides -= turn_seconds(within.turn)
            (batch,) = batches_of(()).values()
            for _ in range(_WARM):
                caller.exchange(batch)
            figures = []
            with uncollected():
                for _ in range(_FIGURES):
                    trips = [caller.exchange(batch).round_trip_ns for _ in range(_EXCHANGES)]
                    figures.append(max(calm(trips) / 2e9 + besides, 0.0))
        finally:
            os.sched_setaffinity(0, allowed)
            if caller is not None:
                caller.close()
            within.leave_near()
            os.waitpid(child, 0)
        return cls(statistics.median(figures), *median_interval(figures).ends)


def mean_overhead(one: Overhead | None, other: Overhead | None) -> Overhead | None:
    """Return that of a way between two hosts; None where one of them is not known."""
    if one is None or other is None:
        return None
    means = (sum(figures) / 2 for figures in zip(one, other, strict=True))
    return Overhead(*means)


def overhead_here(transport: Transport) -> Overhead | None:
    """Measure this host's; None where it has no loopback."""
    try:
        return Overhead.measured(transport.within())
    except OSError:
        return None


def _answer_and_end(within: Within, core: int) -> NoReturn:
    """Be the other end, in a fork: it needs nothing but what is imported already."""
    with suppress(BaseException):
        within.leave_near()
        os.sched_setaffinity(0, {core})
        within.answer()
    os._exit(0)


def turn_seconds(turn: Callable[[], object]) -> float:
    """Return what a side takes from the end of its sending until it waits."""
    taken = []
    with uncollected():
        for _ in range(_WARM):
            start = time.monotonic_ns()
            turn()
            taken.append(time.monotonic_ns() - start)
    return statistics.median(taken) / 1e9
