"""Latency of a batch in a cluster, from its commit to the end of its handling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.credits.queues import Queues
from aethermodel.model.cluster.inversion import exceeding, quantile
from aethermodel.model.cluster.stations import SIDES, Side
from aethermodel.model.cluster.waits import Services, Waits

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Latency:
    """Distribution of the latency: a constant, and a sum of waits and service times.

    Attributes
    ----------
    wires : float
        Seconds on links and wires of an empty network.
    times : tuple of Waits, Queues or Services
        Each independent of the others.
    """

    wires: float
    times: tuple[Waits | Queues | Services, ...]

    @property
    def constant(self) -> float:
        """Seconds that every batch takes at least."""
        return self.wires + sum(t.shortest for t in self.times if isinstance(t, Services))

    @property
    def mean(self) -> float:
        """Mean latency, in seconds."""
        beyond = (float(np.sum(t.stage.share * t.mean)) for t in self.times)
        return self.constant + sum(beyond)

    @property
    def variance(self) -> float:
        """Variance of the latency, in square seconds."""
        # The second moment is what is left of the transform near 0.
        mean = self.mean - self.constant
        if not mean > 0:
            return 0.0
        s = 1e-4 / mean
        left = float(np.real(self.transform(np.array([s], dtype=np.complex128))[0]))
        return max(2 * (left - 1 + s * mean) / s**2 - mean**2, 0.0)

    def transform(self, s: Complexes) -> Complexes:
        """Laplace-Stieltjes transform of the latency beyond its constant part."""
        flat = s.ravel()
        found = np.ones(flat.size, dtype=np.complex128)
        for side in SIDES:
            found *= self._side(side, flat)
        return found.reshape(s.shape)

    def quantile(self, share: float) -> float:
        """Latency that a share of the batches does not exceed, in seconds."""
        if not 0 < share < 1:
            raise ValueError("a quantile lies between 0 and 1")
        return self.constant + quantile(self.transform, share, self.mean - self.constant)

    def exceeding(self, seconds: npt.ArrayLike) -> Floats:
        """Share of the batches with a longer latency."""
        beyond = np.asarray(seconds, dtype=np.float64) - self.constant
        found = np.ones(beyond.shape)
        found[beyond > 0] = exceeding(self.transform, beyond[beyond > 0])
        return found

    def _side(self, side: Side, s: Complexes) -> Complexes:
        """Mean over the producers, or the consumers, of the product of their stations."""
        parts = [times for times in self.times if times.stage.side == side]
        if not parts:
            return np.ones(s.size, dtype=np.complex128)
        # Ends whose stations are all alike count as one.
        figures = np.concatenate([part.figures[:, part.stage.station] for part in parts])
        _, first, alike = np.unique(figures, axis=1, return_index=True, return_inverse=True)
        weight = np.bincount(alike.ravel(), parts[0].stage.ends)
        product = np.ones((first.size, s.size), dtype=np.complex128)
        for part in parts:
            stations, at = np.unique(part.stage.station[first], return_inverse=True)
            product *= part.transform(s, stations)[at]
        return np.asarray(weight @ product)
