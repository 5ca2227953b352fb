"""Traffic of a simulation: which batch is ready when, and which way it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hop:
    """A queue on the way: which of its instances each end meets, and how long a batch takes there.

    Attributes
    ----------
    by_producer : bool
        Whether the producer or the consumer decides the instance.
    instance : ndarray of int
        By producer or consumer.
    seconds : ndarray
        By instance.
    scatter : float
        Standard deviation over mean.
    """

    by_producer: bool
    instance: Integers
    seconds: Floats
    scatter: float = 0.0


@dataclass(frozen=True)
class Layout:
    """A cluster as queues.

    Attributes
    ----------
    making : Hop
        At the producer; its seconds may be 0.
    wires : tuple of Hop
    handling : Hop
    """

    making: Hop
    wires: tuple[Hop, ...]
    handling: Hop


def lay_out(cluster: Cluster) -> Layout:
    """Return the queues of a cluster."""
    p, c, switches = cluster.producers, cluster.consumers, cluster.switches
    host_of_producer = np.array([i // p.per_host for i in range(p.count)])
    host_of_consumer = np.array([j // c.per_host for j in range(c.count)])
    on_a_link = p.batch * p.event_bytes / cluster.links.bytes_per_second
    wires = [Hop(True, host_of_producer, np.full(host_of_producer.max() + 1, on_a_link))]
    hosts = host_of_producer.max() + 1 + host_of_consumer.max() + 1
    if switches.ports is not None and hosts > switches.ports:
        trunk = cluster.links.bytes_per_second * switches.ports / switches.oversubscription
        on_a_trunk = p.batch * p.event_bytes / trunk
        for by_producer, host in ((True, host_of_producer), (False, host_of_consumer)):
            leaf = host // switches.ports
            wires.append(Hop(by_producer, leaf, np.full(leaf.max() + 1, on_a_trunk)))
    wires.append(Hop(False, host_of_consumer, np.full(host_of_consumer.max() + 1, on_a_link)))
    handling = np.full(c.count, c.cost.seconds(p.batch))
    if c.slow:
        handling[-c.slow :] *= c.slowness
    making = np.full(p.count, p.cost.seconds(p.batch))
    return Layout(
        Hop(True, np.arange(p.count), making, p.cost.scatter),
        tuple(wires),
        Hop(False, np.arange(c.count), handling, c.cost.scatter),
    )


def destinations(cluster: Cluster, producer: Integers, rng: np.random.Generator) -> Integers:
    """Draw the consumer of each batch.

    Parameters
    ----------
    cluster : Cluster
    producer : ndarray of int, shape (batches,)
        In the order in which batches are ready.
    rng : numpy.random.Generator
    """
    consumers = cluster.consumers.count
    if cluster.topics.routing == "round-robin":
        order = np.argsort(producer, kind="stable")
        counts = np.bincount(producer, minlength=cluster.producers.count)
        begins = np.cumsum(counts) - counts
        turn = np.empty(producer.size, dtype=np.int64)
        turn[order] = np.arange(producer.size) - begins[producer[order]]
        first = rng.integers(0, consumers, cluster.producers.count)
        return np.asarray((turn + first[producer]) % consumers)
    weights = np.array(
        [1.0 / rank**cluster.topics.skew for rank in range(1, cluster.topics.count + 1)]
    )
    cumulative = np.cumsum(weights) / weights.sum()
    topic = np.minimum(np.searchsorted(cumulative, rng.random(producer.size)), weights.size - 1)
    return np.asarray(topic % consumers)


def durations(hop: Hop, instance: Integers, rng: np.random.Generator) -> Floats:
    """Draw how long each batch takes at its instance."""
    mean = hop.seconds[instance]
    if not hop.scatter:
        return np.asarray(mean)
    shape = 1 / hop.scatter**2
    return np.asarray(mean * rng.gamma(shape, 1 / shape, instance.size))
