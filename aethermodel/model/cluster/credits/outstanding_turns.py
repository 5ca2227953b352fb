"""Outstanding turns: how unevenly the credits of producers that take turns lie over stations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.stations import Stage

Floats = npt.NDArray[np.float64]


def unevenness_of_outstanding(stage: Stage, credits: int) -> tuple[Floats, Floats]:
    """Second and third cumulant of a producer's batches in flight for each station, over the mean.

    Parameters
    ----------
    stage : Stage
        On the consumers' side.
    credits : int
        Of each producer: its batches in flight are for as many consumers in a row.

    Returns
    -------
    second, third : ndarray, shape (stations,)
        1 for batches that go anywhere by chance. Of one consumer behind each station they are less,
        as no two batches are for the same consumer; behind a station of several consumers batches
        meet, and the second is up to as many.

    Notes
    -----
    The row begins anywhere with the same chance. What of it lies behind a station is counted for
    each beginning.
    """
    consumers = stage.ends.size
    rounds, rest = divmod(credits, consumers)
    second, third = np.empty(stage.seconds.size), np.empty(stage.seconds.size)
    for members in np.unique(stage.members):
        # Consumers behind a station stand in a row, wherever that begins.
        is_behind = np.tile(np.arange(consumers) < members, 2).astype(np.float64)
        passed = np.concatenate([[0.0], np.cumsum(is_behind)])
        of_rest = passed[rest : rest + consumers] - passed[:consumers]
        mean = rounds * members + float(of_rest.mean())
        alike = stage.members == members
        apart = of_rest - of_rest.mean()
        second[alike], third[alike] = np.mean(apart**2) / mean, np.mean(apart**3) / mean
    return second, third
