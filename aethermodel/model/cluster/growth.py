"""Growth of a cluster: more load, more consumers, and what a hot topic costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.prediction import Prediction, predict
from aethermodel.model.cluster.stations import Stage, stages_of

#: A step that brings less than this share of what it would bring in proportion pays no more.
PAYS = 0.1
#: Loads of a curve, as shares of the rate that saturates the cluster.
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
# Consumers that are tried: up to so many times those described.
_TIMES = 8


@dataclass(frozen=True)
class HotTopic:
    """What the most popular topic costs.

    Attributes
    ----------
    share : float
        Of all batches that the busiest consumer gets.
    even : float
        Share if all got as much.
    capacity, even_capacity : float
        Batches a second at which the cluster saturates, as it is and with even topics.
    """

    share: float
    even: float
    capacity: float
    even_capacity: float

    @property
    def lost(self) -> float:
        """Share of the even capacity that skew costs."""
        return 1 - self.capacity / self.even_capacity


def hot_topic(cluster: Cluster) -> HotTopic:
    """Compare a cluster with the same one whose topics are evenly popular and evenly dealt out."""
    even = replace(cluster, topics=replace(cluster.topics, routing="round-robin"))
    shares = cluster.shares()
    return HotTopic(float(shares.max()), 1 / shares.size, capacity(cluster), capacity(even))


def capacity(cluster: Cluster) -> float:
    """Batches a second that the cluster carries at most: beyond, a queue grows or credits end."""
    most = min(1 / float(stage.demand.max()) for stage in stages_of(cluster))
    if cluster.credits is None:
        return most
    greedy = replace(cluster, producers=replace(cluster.producers, rate=None))
    return predict(greedy).batches_per_second


def load_curve(cluster: Cluster, loads: Sequence[float] = LOADS) -> Iterator[Prediction]:
    """Predict a cluster at shares of its capacity, its producers' rate changed alike."""
    producers = cluster.producers
    each = capacity(cluster) * producers.batch / producers.count
    for load in loads:
        yield predict(cluster.at_rate(load * each))


@dataclass(frozen=True)
class Step:
    """A cluster with some number of consumers.

    Attributes
    ----------
    consumers, hosts : int
    events_per_second : float
        At most.
    binds : str
        Station that saturates first, or the credits.
    """

    consumers: int
    hosts: int
    events_per_second: float
    binds: str


def consumer_counts(cluster: Cluster) -> list[int]:
    """Numbers of consumers from one to some times those described, evenly by ratios."""
    most = _TIMES * cluster.consumers.count
    found = np.unique(np.round(np.geomspace(1, most, 25)).astype(int))
    return sorted({*found.tolist(), cluster.consumers.count})


def growth(cluster: Cluster, counts: Iterable[int]) -> Iterator[Step]:
    """Yield what each number of consumers carries, and what binds then."""
    for count in counts:
        grown = cluster.with_consumers(count)
        stages = stages_of(grown)
        rate = capacity(grown)
        events = rate * grown.producers.batch
        yield Step(count, grown.hosts, events, _binds(stages, rate))


def stops_paying(steps: Sequence[Step]) -> Step:
    """Return the last step before more consumers bring next to nothing.

    That is the first from which on no later one brings more than `PAYS` of what it would in
    proportion to its consumers.
    """
    for at, step in enumerate(steps):
        gains = [
            (later.events_per_second / step.events_per_second - 1)
            / (later.consumers / step.consumers - 1)
            for later in steps[at + 1 :]
        ]
        if all(gain < PAYS for gain in gains):
            return step
    return steps[-1]


def _binds(stages: list[Stage], rate: float) -> str:
    most = max(stages, key=lambda stage: float(stage.demand.max()))
    # A rate that no station explains is that of the credits.
    return most.name if rate * float(most.demand.max()) > 0.9 else "credits"
