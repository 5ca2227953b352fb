"""Trials: closed form against simulation, cluster by cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aethermodel.bench.cluster.random_clusters import random_cluster
from aethermodel.clusters.simulation.run import simulate
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.prediction import Prediction, predict

Progress = Callable[[int, int], None]

#: Largest errors to reach, as shares.
THROUGHPUT, P99 = 0.03, 0.15
#: Batches of a simulation: least, most, and most from the heap.
_LEAST, _MOST, _MOST_EVENTS = 200_000, 2_000_000, 300_000
# Services of the busiest station over its relaxation time; round trips.
_RELAXATIONS, _ROUND_TRIPS = 300, 50


def seconds_to_simulate(told: Prediction) -> float:
    """Time that tells a P99: many batches, and many relaxation times of the busiest station.

    A queue forgets within some ``service / (1 - load)**2``; nearer to full load than 95 % the
    model tells no latency.
    """
    stage, at = told.bottleneck.stage, told.bottleneck.station
    load = min(float(told.loads(stage)[at]), 0.95)
    relaxed = _RELAXATIONS * stage.seconds[at] * (1 + stage.scatter**2) / (1 - load) ** 2
    rate = told.batches_per_second
    wanted = max(_LEAST / rate, relaxed)
    if told.window is not None:
        credits = told.cluster.credits or 0
        wanted = max(wanted, _ROUND_TRIPS * credits * told.cluster.producers.count / rate)
    most = _MOST if told.window is None else _MOST_EVENTS
    return float(min(wanted, most / rate))


def compare(cluster: Cluster, seed: int) -> dict[str, object]:
    """Predict and simulate one cluster.

    Returns
    -------
    dict
        ``hosts``, ``kind`` (open, credits, greedy), ``load``, ``binds``, throughputs and P99s of
        model and simulation, their errors as shares (nan where not told), ``untold``, and CPU
        seconds of both.
    """
    begin = time.process_time()
    told = predict(cluster)
    p99 = told.latency.quantile(0.99) if told.latency else float("nan")
    middle = time.process_time()
    seen = simulate(cluster, seconds_to_simulate(told), seed)
    seen_p99 = seen.quantile(0.99)
    greedy = cluster.producers.rate is None
    stage = told.bottleneck.stage
    return {
        "hosts": cluster.hosts,
        "kind": "open" if cluster.credits is None else "greedy" if greedy else "credits",
        "routing": cluster.topics.routing,
        "load": float(told.loads(stage)[told.bottleneck.station]),
        "binds": stage.name,
        "model_per_second": told.events_per_second,
        "simulated_per_second": seen.batches_per_second * cluster.producers.batch,
        "throughput_error": told.batches_per_second / seen.batches_per_second - 1,
        "throughput_told": told.throughput_told,
        "model_p99_seconds": p99,
        "simulated_p99_seconds": seen_p99,
        "p99_error": p99 / seen_p99 - 1,
        "untold": told.untold,
        "model_cpu_seconds": middle - begin,
        "simulation_cpu_seconds": time.process_time() - middle,
        "batches": seen.latencies.size,
    }


def trial(clusters: int, seed: int = 0, progress: Progress | None = None) -> pd.DataFrame:
    """Compare many random clusters.

    Parameters
    ----------
    clusters : int
    seed : int
    progress : callable, optional
        Called with clusters done and clusters in all.

    Returns
    -------
    pandas.DataFrame
        One row a cluster, as `compare` returns it.
    """
    rows = []
    for number in range(clusters):
        cluster = random_cluster(np.random.default_rng([seed, number]))
        rows.append(compare(cluster, number))
        if progress:
            progress(number + 1, clusters)
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Count what was told, and how much of it was missed.

    Returns
    -------
    dict
        ``clusters``; for throughput and P99 how many were told, how many of those lie within the
        error to reach, the median and the largest error; ``untold`` counts the reasons.
    """
    found: dict[str, Any] = {"clusters": len(rows)}
    for name, told, error, most in (
        ("throughput", rows["throughput_told"], rows["throughput_error"], THROUGHPUT),
        ("p99", rows["untold"] == "", rows["p99_error"], P99),
    ):
        size = error[told].abs()
        found[name] = {
            "told": int(told.sum()),
            "within": int((size <= most).sum()),
            "most": most,
            "median_error": float(size.median()),
            "largest_error": float(size.max()),
        }
    found["untold"] = rows.loc[rows["untold"] != "", "untold"].value_counts().to_dict()
    return found
