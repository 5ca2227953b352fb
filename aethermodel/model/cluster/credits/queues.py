"""Queues that fill with what credits allow: how many batches an arriving one meets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.stations import Stage
from aethermodel.model.cluster.waits import Waits, log_transform

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Complexes = npt.NDArray[np.complex128]

#: Cells of a queue's distribution.
BINS = 200


@dataclass(frozen=True)
class Queues:
    """Waits at the stations of a stage, of which busy ones have the queue of a closed network.

    Attributes
    ----------
    stage : Stage
    waits : Waits
        At those that are not busy.
    group : ndarray of int, shape (stations,)
        Row of `met` of each station; -1 where it is not busy.
    met, chance : ndarray, shape (groups, bins)
        Batches that an arriving one meets, and how likely.
    """

    stage: Stage
    waits: Waits
    group: Integers
    met: Floats
    chance: Floats

    @property
    def mean(self) -> Floats:
        """Mean wait at each station, in seconds."""
        residual = (1 + self.stage.scatter**2) / 2
        services = np.where(self.met > 0, self.met - 1 + residual, 0.0)
        queued = np.sum(self.chance * services, axis=1)[self.group] * self.stage.seconds
        return np.where(self.group < 0, self.waits.mean, queued)

    @property
    def figures(self) -> Floats:
        """What tells stations apart."""
        return np.concatenate([self.waits.figures, self.group[None, :], self.stage.seconds[None]])

    def transform(self, s: Complexes, stations: Integers) -> Complexes:
        """Laplace-Stieltjes transforms of the waits.

        Notes
        -----
        Of n batches met one is being served, for what is left of its time; the others take all
        of theirs.
        """
        found = np.empty((stations.size, s.size), dtype=np.complex128)
        group = self.group[stations]
        quiet = group < 0
        if quiet.any():
            found[quiet] = self.waits.transform(s, stations[quiet])
        for at in np.flatnonzero(~quiet):
            seconds = self.stage.seconds[stations[at]]
            met, chance = self.met[group[at]], self.chance[group[at]]
            log = log_transform(self.stage, s, np.asarray(seconds))
            left = (1 - np.exp(log)) / (s * seconds)
            waiting = met > 0
            # Between no batch and one counts as one.
            powers = np.exp(np.multiply.outer(log, np.maximum(met[waiting] - 1, 0.0)))
            found[at] = chance[~waiting].sum() + left * (powers @ chance[waiting])
        return found


def binned(share: Floats) -> tuple[Floats, Floats]:
    """Numbers met and their chances, in bins of like chance."""
    number = np.arange(share.size)
    bins = np.minimum((np.cumsum(share) - share / 2) * (BINS - 1), BINS - 2).astype(int) + 1
    bins[0] = 0
    chance = np.asarray(np.bincount(bins, share, BINS), dtype=np.float64)
    total = np.asarray(np.bincount(bins, share * number, BINS), dtype=np.float64)
    return np.divide(total, chance, out=np.zeros(BINS), where=chance > 0), chance
