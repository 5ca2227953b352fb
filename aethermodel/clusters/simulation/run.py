"""Simulation of a cluster: throughput and latencies after a warm-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.clusters.simulation import feed_back, feed_forward
from aethermodel.clusters.simulation.progress import Progress, ignored
from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]

#: Share of the time that only fills queues.
WARM_UP = 0.5


@dataclass(frozen=True)
class Simulated:
    """What a simulation saw after its warm-up.

    Attributes
    ----------
    batches_per_second : float
        Handled.
    latencies : ndarray
        Of the batches handled, in seconds, in the order of their ends.
    seconds : float
        That were simulated, warm-up and all.
    ends : ndarray
        When the handling of each ended, in seconds, ascending.
    """

    batches_per_second: float
    latencies: Floats
    seconds: float
    ends: Floats

    def quantile(self, share: float) -> float:
        """Latency that a share of the batches does not exceed; nan where none was handled."""
        return float(np.quantile(self.latencies, share)) if self.latencies.size else float("nan")


def simulate(
    cluster: Cluster,
    seconds: float = 1.0,
    seed: int = 0,
    progress: Progress = ignored,
    warm_up: float | None = None,
    gathered_at: Floats | None = None,
) -> Simulated:
    """Simulate a cluster for a time.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
        Of traffic.
    seed : int
    progress : callable
        Told how far it is.
    warm_up : float, optional
        Seconds at the beginning that only fill queues; half of all, if not given.
    gathered_at : ndarray, shape (consumers,), optional
        Where the first batches gather, by share, if there are credits (`feed_back.run`).
    """
    rng = np.random.default_rng(seed)
    if cluster.credits is None:
        ready, handled = feed_forward.run(cluster, seconds, rng, progress)
    else:
        ready, handled = feed_back.run(cluster, seconds, rng, progress, gathered_at)
    begin = WARM_UP * seconds if warm_up is None else warm_up
    seen = (handled >= begin) & (handled < seconds)
    ends = handled[seen]
    order = np.argsort(ends)
    latencies = (ends - ready[seen])[order]
    return Simulated(float(ends.size) / (seconds - begin), latencies, seconds, ends[order])
