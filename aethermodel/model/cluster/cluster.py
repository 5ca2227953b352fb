"""Cluster: producers, links, switches, consumers and topics, in SI units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Routing = Literal["key", "round-robin"]


@dataclass(frozen=True)
class Cost:
    """Time of one batch on one server, ``a + b N`` with scatter, or a law of its own.

    Attributes
    ----------
    fixed : float
        Seconds a batch.
    per_event : float
        Seconds an event.
    scatter : float
        Standard deviation over the mean; the times are then gamma distributed.
    law : callable, optional
        Seconds at a batch size, in place of ``a + b N``.
    """

    fixed: float = 0.0
    per_event: float = 0.0
    scatter: float = 0.0
    law: Callable[[float], float] | None = None

    def seconds(self, events: float) -> float:
        """Mean time of a batch."""
        return self.law(events) if self.law else self.fixed + self.per_event * events


@dataclass(frozen=True)
class Producers:
    """Processes that fill batches.

    Attributes
    ----------
    count : int
    rate : float or None
        Events a second of each, whose batches are ready at random times (Poisson); None: as fast
        as cost and credits let it.
    batch : int
        Events. A batch holds events of one topic, as producers of Kafka and of this bus fill it.
    event_bytes : int
    cost : Cost
        Time to make a batch ready.
    per_host : int
        Producers that share the link of a host.
    """

    count: int
    batch: int
    rate: float | None = None
    event_bytes: int = 64
    cost: Cost = Cost()
    per_host: int = 1

    @property
    def hosts(self) -> int:
        """Hosts that they run on."""
        return -(-self.count // self.per_host)

    @property
    def batch_bytes(self) -> int:
        """Bytes of a batch."""
        return self.batch * self.event_bytes


@dataclass(frozen=True)
class Links:
    """The link of each host to its switch, each way.

    Attributes
    ----------
    bytes_per_second : float
    latency : float
        Seconds from host to host, of an empty network.
    """

    bytes_per_second: float
    latency: float = 0.0


@dataclass(frozen=True)
class Switches:
    """Leaf switches below a spine that never blocks.

    Attributes
    ----------
    ports : int or None
        Hosts of a leaf switch; None: one switch has all. Producers and consumers have leaves of
        their own.
    oversubscription : float
        What the hosts of a full leaf send together, over what its trunk to the spine carries.
    buffer_bytes : float or None
        Of each port to a host; None: not asked about.
    """

    ports: int | None = None
    oversubscription: float = 1.0
    buffer_bytes: float | None = None


@dataclass(frozen=True)
class Consumers:
    """Processes that handle batches, one at a time each.

    Attributes
    ----------
    count : int
    cost : Cost
        Of handling a batch.
    per_host : int
        Consumers that share the link of a host.
    slow : int
        How many of them, the last ones, are slower.
    slowness : float
        How many times as long those take.
    """

    count: int
    cost: Cost
    per_host: int = 1
    slow: int = 0
    slowness: float = 1.0

    @property
    def hosts(self) -> int:
        """Hosts that they run on."""
        return -(-self.count // self.per_host)


@dataclass(frozen=True)
class Topics:
    """Topics, their popularity, and how batches find a consumer.

    Attributes
    ----------
    count : int
    skew : float
        Exponent of Zipf's law: the topic of rank r has a share in proportion to ``r ** -skew``.
    routing : {"key", "round-robin"}
        By key, each topic has one consumer: topics are dealt out in the order of their ranks.
        Round robin: each producer takes the consumers in turn, whatever the topic.
    """

    count: int = 1
    skew: float = 0.0
    routing: Routing = "key"

    def popularity(self) -> Floats:
        """Share of each topic, the most popular first."""
        weights = np.arange(1, self.count + 1, dtype=np.float64) ** -self.skew
        return np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class Cluster:
    """A cluster as it is described.

    Attributes
    ----------
    producers, consumers, links, switches, topics
    credits : int or None
        Batches that a producer may have in flight, from its commit to the return of the credit;
        None: without limit.
    name : str
    """

    producers: Producers
    consumers: Consumers
    links: Links
    switches: Switches = field(default_factory=Switches)
    topics: Topics = field(default_factory=Topics)
    credits: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.producers.rate is None and self.credits is None:
            raise ValueError("producers as fast as they can need credits, or queues never end")
        if self.consumers.slow > self.consumers.count:
            raise ValueError(
                f"{self.consumers.slow} slow consumers of {self.consumers.count}: at most all"
            )
        if not self.consumers.cost.seconds(self.producers.batch) > 0:
            raise ValueError("consumers: handling a batch takes no time: give fixed or per_event")

    @property
    def hosts(self) -> int:
        """Hosts of both kinds."""
        return self.producers.hosts + self.consumers.hosts

    @property
    def offered(self) -> float:
        """Batches a second of all producers; infinite where they go as fast as they can."""
        if self.producers.rate is None:
            return float("inf")
        return self.producers.count * self.producers.rate / self.producers.batch

    def shares(self) -> Floats:
        """Share of all batches that each consumer gets."""
        consumers = self.consumers.count
        if self.topics.routing == "round-robin":
            return np.full(consumers, 1 / consumers)
        popularity = self.topics.popularity()
        owner = np.arange(popularity.size) % consumers
        return np.asarray(np.bincount(owner, popularity, consumers), dtype=np.float64)

    def at_rate(self, rate: float) -> Cluster:
        """Return the same cluster with other events a second of each producer."""
        return replace(self, producers=replace(self.producers, rate=rate))

    def with_consumers(self, count: int) -> Cluster:
        """Return the same cluster with more or fewer consumers, as many of them slow."""
        slow = min(self.consumers.slow, count)
        return replace(self, consumers=replace(self.consumers, count=count, slow=slow))
