"""Catch-up: what a queue has lost since it was last empty, and so which batches were held up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
