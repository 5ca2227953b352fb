"""Tandem queues: groups of workers in a row, through which batches go in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aethermodel.model.queueing.batch_service import HostClock, serve, serve_by_clock

Floats = npt.NDArray[np.float64]


class Queue(NamedTuple):
    """A group of workers that take batches in turn.

    Attributes
    ----------
    workers : int
    seconds : float
        That a batch takes one of them.
    """

    workers: int
    seconds: float


def through(queues: Sequence[Queue], due: Floats, clock: HostClock | None = None) -> Floats:
    """Return the seconds from when each batch is due until the last queue has served it.

    Parameters
    ----------
    queues : sequence of Queue
        In the order that batches go through them; they leave each in the order that they came.
    due : ndarray, shape (batches,)
        Ascending.
    clock : HostClock, optional
        Of a host that pauses or is slowed down; full speed by default.
    """
    came = due
    for queue in queues:
        table = np.array([queue.seconds])
        done = np.empty(came.size)
        for worker in range(min(queue.workers, came.size)):
            own = came[worker :: queue.workers]
            waited = serve_by_clock(clock, own, table) if clock else serve(own, table)
            done[worker :: queue.workers] = own + waited
        came = np.maximum.accumulate(done)
    return np.asarray(came - due)
