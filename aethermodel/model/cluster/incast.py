"""Incast: how full the buffer of a port gets where many producers meet one consumer."""

from __future__ import annotations

import numpy as np

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.credits.queues import Queues
from aethermodel.model.cluster.inversion import exceeding
from aethermodel.model.cluster.prediction import Prediction
from aethermodel.model.cluster.waits import Services, Waits


def most_bytes(cluster: Cluster) -> float:
    """Bytes that can meet at one port: all that credits let out; infinite without credits."""
    if cluster.credits is None:
        return float("inf")
    batches = cluster.credits * cluster.producers.count
    return float(batches * cluster.producers.batch_bytes)


def overflow(told: Prediction) -> float:
    """Share of the batches that find the buffer of the busiest port full.

    Returns
    -------
    float
        Of an endless buffer that holds more than the given one; nan where no buffer or no latency
        is told. What is lost then, and sent again, is outside the model.
    """
    buffer = told.cluster.switches.buffer_bytes
    if buffer is not None and most_bytes(told.cluster) <= buffer:
        return 0.0
    if buffer is None or told.latency is None:
        return float("nan")
    ports = next(
        (
            part
            for part in told.latency.times
            if part.stage.name == "port" and not isinstance(part, Services)
        ),
        None,
    )
    if ports is None:  # the latency is told, but not where batches wait
        return float("nan")
    busiest = np.array([int(np.argmax(ports.stage.demand))])
    full = max(buffer - told.cluster.producers.batch_bytes, 1.0)
    waiting = full / told.cluster.links.bytes_per_second
    return float(exceeding(lambda s: _flat(ports, s, busiest), [waiting])[0])


def _flat(
    waits: Waits | Queues, s: np.ndarray[tuple[int, int], np.dtype[np.complex128]],
    station: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.complex128]]:  # fmt: skip
    return waits.transform(s.ravel(), station).reshape(s.shape)
