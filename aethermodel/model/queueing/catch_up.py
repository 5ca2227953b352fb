"""Catch-up: what a queue has lost since it was last empty, and so which batches were held up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aethermodel.model.queueing.batch_service import HostClock, serve_in_batches
from aethermodel.model.queueing.host_pace import HostPace

Floats = npt.NDArray[np.float64]


def held_up(due: Floats, done: Floats, lost: Floats) -> Floats:
    """Return by how many seconds at most losses held up each batch of a queue, in order.

    Parameters
    ----------
    due, done : ndarray, shape (batches,)
        When each came and left; both ascend.
    lost : ndarray, shape (batches,)
        Seconds lost between the end of the batch before and the batch's own.

    Notes
    -----
    What is lost holds up all that come until the queue is empty once more, and none after that. A
    loss while it is empty counts for the batch that comes next, though it may have been over.
    """
    if not due.size:
        return np.zeros(0)
    # The sum up to each batch, less that before the one that found the queue empty.
    total = np.cumsum(lost)
    empty = np.concatenate([[True], done[:-1] <= due[1:]])
    first = np.maximum.accumulate(np.where(empty, np.arange(due.size), 0))
    return np.asarray(total - (total - lost)[first])


def held_up_in_batches(
    clock: HostClock, arrivals: Floats, table: Floats, hold_seconds: float = 0.0
) -> Floats:
    """Return by how many seconds at most a host's pauses held up each event of a batch server.

    By the model alone: which batches there were, and when the server had caught up, that is, waited
    for a batch to fill, follows from when the events came and from the pauses.

    Parameters
    ----------
    clock : HostClock
        Of the host, with its pauses.
    arrivals : ndarray, shape (events,)
    table : ndarray, shape (largest,)
        Seconds that batches of 1, 2, ... events take at full speed.
    hold_seconds : float
        Longest time that the oldest event waits for its batch to fill.
    """
    found = serve_in_batches(clock.running(arrivals), table, hold_seconds=hold_seconds)
    stood = clock.real(found.ends) - found.ends
    lost = np.diff(stood, prepend=0.0)
    return np.repeat(held_up(found.ready, found.ends, lost), found.sizes)


def pace_with_losses(at: Floats, lost: Floats) -> HostPace:
    """Return the pace of a host that was at full speed but for what looks saw to be lost.

    Parameters
    ----------
    at : ndarray, shape (looks + 1,)
        Seconds of the first look and of each after it, ascending.
    lost : ndarray, shape (looks,)
        Seconds lost since the look before, or longer ago: who waits for a core says so only when
        he has it again.
    """
    seconds = np.diff(at)
    speeds, owed = np.ones(lost.size), 0.0
    for look in range(lost.size - 1, -1, -1):
        owed += max(float(lost[look]), 0.0)
        here = min(owed, float(seconds[look]))
        speeds[look] -= here / seconds[look]
        owed -= here
    return HostPace(seconds, np.maximum(speeds, 0.0))
