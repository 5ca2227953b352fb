"""Random clusters, from two hosts to a thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)
from aethermodel.model.cluster.flow import bottleneck
from aethermodel.model.cluster.stations import stages_of

MOST_HOSTS = 1000


def random_cluster(rng: np.random.Generator) -> Cluster:
    """Draw a cluster: sizes and costs evenly on a logarithmic scale, the rest by choice.

    Half have credits, and half of those producers that are as fast as they can. All others are
    offered 10 to 110 % of what saturates their bottleneck.
    """

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    hosts = int(log_uniform(2, MOST_HOSTS))
    sending = min(max(1, round(hosts * rng.uniform(0.2, 0.8))), hosts - 1)
    per_host = [int(rng.choice([1, 1, 2, 4])) for _ in range(2)]
    consumers = (hosts - sending) * per_host[1]
    batch = int(log_uniform(100, 30_000))
    cost = Cost(log_uniform(1e-6, 50e-6), log_uniform(1e-9, 50e-9), float(rng.choice([0, 0.3, 1])))
    slow = int(rng.random() < 0.25)
    links = Links(float(rng.choice([10, 25, 100])) * 1e9 / 8, log_uniform(1e-6, 20e-6))
    ports = None if rng.random() < 0.4 else int(rng.choice([16, 32, 64]))
    by_key = rng.random() < 0.6
    unloaded = Cluster(
        Producers(sending * per_host[0], batch, 1.0, per_host=per_host[0]),
        Consumers(consumers, cost, per_host[1], slow, float(rng.uniform(1, 2)) if slow else 1.0),
        links,
        Switches(ports, float(rng.choice([1, 2, 4]))),
        Topics(
            max(1, int(consumers * log_uniform(1, 30))),
            float(rng.uniform(0, 1.2)) if rng.random() < 0.7 else 0.0,
            "key" if by_key else "round-robin",
        ),
    )
    return _loaded(unloaded, rng, log_uniform)


def _loaded(
    cluster: Cluster, rng: np.random.Generator, log_uniform: Callable[[float, float], float]
) -> Cluster:
    capacity = bottleneck(stages_of(cluster)).batches_per_second
    producers = cluster.producers
    has_credits = rng.random() < 0.5
    credits = int(log_uniform(1, 64)) if has_credits else None
    if has_credits and rng.random() < 0.5:
        making = Cost(log_uniform(0.2, 5) * producers.count / capacity / 2, 0.0, 0.2)
        return replace(
            cluster, producers=replace(producers, rate=None, cost=making), credits=credits
        )
    rate = rng.uniform(0.1, 1.1) * capacity * producers.batch / producers.count
    return replace(cluster, producers=replace(producers, rate=float(rate)), credits=credits)
