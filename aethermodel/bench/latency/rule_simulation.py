"""Simulation of a batching rule: a trace of arrivals served on a clock of its own."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from aethermodel.bus.adaptive_size import Rule

Floats = npt.NDArray[np.float64]
# By this much the clock goes on where rounding would have it stand still, in seconds.
_TICK = 1e-9


def serve_by(
    arrivals: npt.ArrayLike, rule: Rule, table: npt.ArrayLike
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Serve a trace, first come first served, in the batches that a rule forms.

    Parameters
    ----------
    arrivals : array_like, shape (events,)
        Arrival times in seconds, ascending.
    rule : Rule
        Hears of arrivals when the server is free, as a consumer on the same loop does, and of
        every service time.
    table : array_like, shape (largest,)
        Seconds that batches of 1, 2, ... events take; at least the rule's largest.

    Returns
    -------
    latencies : ndarray of float64, shape (events,)
        Seconds from arrival to the end of the event's batch. After the last arrival what
        waits is served as it is.
    sizes : ndarray of int, shape (batches,)

    Raises
    ------
    ValueError
        If the arrivals do not ascend or the table is too short.
    """
    times = np.asarray(arrivals, dtype=np.float64)
    if np.any(np.diff(times) < 0):
        raise ValueError("arrival times must ascend")
    due, seconds = times.tolist(), np.asarray(table, dtype=np.float64).tolist()
    if rule.most > len(seconds):
        raise ValueError(f"times of batches up to {rule.most} are needed, not {len(seconds)}")
    total, first, seen, now = len(due), 0, 0, 0.0
    ends, sizes = list[float](), list[int]()
    while first < total:
        last = bisect_right(due, now, seen, total)
        if last > seen:
            rule.arrived(last - seen, now)
            seen = last
        waiting = seen - first
        size = rule.take(waiting, now - due[first]) if waiting else 0
        if seen == total and not size:
            size = min(waiting, rule.most)
        if size:
            now += seconds[size - 1]
            rule.served(size, seconds[size - 1])
            ends.append(now)
            sizes.append(size)
            first += size
            continue
        soonest = due[seen]
        if waiting:
            soonest = min(soonest, due[first] + rule.hold_seconds)
        now = max(soonest, now + _TICK)
    return np.repeat(ends, sizes) - times, np.array(sizes, dtype=np.int64)
