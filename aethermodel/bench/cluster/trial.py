"""Trials: closed form against simulation, cluster by cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aethermodel.bench.cluster.observation import Interval, observe
from aethermodel.bench.cluster.random_clusters import random_cluster
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.prediction import Prediction, predict
from aethermodel.model.cluster.stations import FULL

Progress = Callable[[int, int], None]

#: Largest errors to reach, as shares.
THROUGHPUT, P99 = 0.03, 0.15
#: Batches of the first simulation of a cluster, at least, and of all of them, at most.
LEAST, MOST = 200_000, 20_000_000
# Memories of the busiest queue in a first simulation, and in the warm-up of one that counts.
_FIRST, _WARM = 40, 4
# The nearest to full load whose memory is told apart.
_NEAREST = 0.998
# Round trips of all batches in a first simulation.
_ROUND_TRIPS = 50


def memory_seconds(told: Prediction) -> float:
    """Time after which the busiest queue has forgotten how it was.

    Notes
    -----
    A queue with drift d and variance v a service forgets within ``2 v / d**2`` services (that of a
    Brownian motion between its barrier and the drift). Where credits keep several stations full,
    the drift is what makes their queues as long as they are; where they keep one, all batches have
    to gather there, at what the next busiest station leaves it of a rate.
    """
    shared = [stage for stage in told.stages if stage.name != "producer"]
    rate = told.batches_per_second
    stage = max(shared, key=lambda part: float(part.demand.max()))
    at = int(np.argmax(stage.demand))
    seconds, noise = float(stage.seconds[at]), 1 + stage.scatter**2
    spare = 1 - rate * float(stage.demand[at])
    if told.grows:
        most = rate if told.window else told.bottleneck.batches_per_second
        spare = told.cluster.offered / most - 1
    elif told.window is not None and spare < 1 - FULL:
        if stage.side == "producers":  # its queue holds the credits of a few producers
            return told.window.population / rate
        loads = np.sort(np.concatenate([part.demand for part in shared])) * rate
        if loads.size > 1 and loads[-2] > FULL:
            waits = next(part for part in told.window.waits if part.stage is stage)
            spare = noise / 2 / (1 + float(waits.mean[at]) / seconds)
        else:
            gap = 1 - float(loads[-2]) if loads.size > 1 else 1.0
            return told.window.population / rate / float(stage.share[at]) / gap
    return 2 * noise * seconds / max(spare, 1 - _NEAREST) ** 2


def seconds_to_simulate(told: Prediction, memory: float, most: int) -> float:
    """Time of a first simulation: many batches, and many memories of the busiest queue."""
    rate = told.batches_per_second
    wanted = max(LEAST / rate, _FIRST * memory)
    if told.window is not None:
        wanted = max(wanted, _ROUND_TRIPS * told.window.population / rate)
    return float(min(wanted, most / 4 / rate))


def verdict(error: Interval, most: float) -> str:
    """Return "within", "beyond", or "unclear" where the simulation's own interval holds both.

    Of an interval that is no wider than two thirds of `most` its middle alone tells.
    """
    if error.high - error.low <= 2 / 3 * most:
        return "within" if abs(error.value) <= most else "beyond"
    low, high = sorted((error.low, error.high))
    if -most <= low and high <= most:
        return "within"
    return "beyond" if low > most or high < -most else "unclear"


def compare(cluster: Cluster, seed: int, most: int = MOST) -> dict[str, object]:
    """Predict and simulate one cluster.

    Returns
    -------
    dict
        ``hosts``, ``kind`` (open, credits, greedy), ``load``, ``binds``, throughputs and P99s of
        model and simulation (with its interval), their errors as shares (nan where not told),
        a verdict of each, ``untold``, and CPU seconds of both.
    """
    begin = time.process_time()
    told = predict(cluster)
    p99 = told.latency.quantile(0.99) if told.latency else float("nan")
    middle = time.process_time()
    memory = memory_seconds(told)
    seen = observe(
        cluster,
        seconds_to_simulate(told, memory, most),
        told.batches_per_second,
        most,
        seed,
        warm_up=_WARM * memory,
        growing=told.grows,
    )
    greedy = cluster.producers.rate is None
    stage = told.bottleneck.stage
    rate = seen.batches_per_second
    throughput_error = rate.error(told.batches_per_second)
    if told.grows:
        p99_verdict = "within" if seen.grows else "beyond"
    else:
        p99_verdict = verdict(seen.p99.error(p99), P99) if told.latency else "not told"
    throughput_verdict = "not told"
    if told.throughput_told:
        throughput_verdict = verdict(throughput_error, THROUGHPUT)
    if not (seen.settled or seen.grows):  # on its way: neither right nor wrong is told by it
        p99_verdict, throughput_verdict = (
            said if said == "not told" else "unclear" for said in (p99_verdict, throughput_verdict)
        )
    return {
        "settled": seen.settled,
        "hosts": cluster.hosts,
        "kind": "open" if cluster.credits is None else "greedy" if greedy else "credits",
        "routing": cluster.topics.routing,
        "load": float(told.loads(stage)[told.bottleneck.station]),
        "binds": stage.name,
        "model_per_second": told.events_per_second,
        "simulated_per_second": rate.value * cluster.producers.batch,
        "throughput_error": throughput_error.value,
        "throughput_interval": rate.half,
        "throughput": throughput_verdict,
        "model_p99_seconds": p99,
        "simulated_p99_seconds": seen.p99.value,
        "p99_error": p99 / seen.p99.value - 1,
        "p99_interval": seen.p99.half,
        "p99": p99_verdict,
        "grows": told.grows,
        "untold": told.untold,
        "model_cpu_seconds": middle - begin,
        "simulation_cpu_seconds": time.process_time() - middle,
        "batches": seen.batches,
    }


def trial(
    clusters: int, seed: int = 0, progress: Progress | None = None, most: int = MOST
) -> pd.DataFrame:
    """Compare many random clusters.

    Parameters
    ----------
    clusters : int
    seed : int
    progress : callable, optional
        Called with clusters done and clusters in all.
    most : int
        Batches that are simulated for a cluster, at most.

    Returns
    -------
    pandas.DataFrame
        One row a cluster, as `compare` returns it.
    """
    rows = []
    for number in range(clusters):
        cluster = random_cluster(np.random.default_rng([seed, number]))
        rows.append(compare(cluster, number, most))
        if progress:
            progress(number + 1, clusters)
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Count what was told, and how much of it was missed.

    Returns
    -------
    dict
        ``clusters``; for throughput and P99 how many were told, how many of those lie within the
        error to reach, beyond it, or where the simulation cannot tell, the median and the largest
        error; how many P99s have no limit; ``untold`` counts the reasons for no P99.
    """
    found: dict[str, Any] = {"clusters": len(rows)}
    for name, most in (("throughput", THROUGHPUT), ("p99", P99)):
        verdicts = rows[name]
        told = verdicts != "not told"
        # Of a P99 without limit there is no error.
        size = rows.loc[told, f"{name}_error"].abs().dropna()
        found[name] = {
            "told": int(told.sum()),
            "within": int((verdicts == "within").sum()),
            "beyond": int((verdicts == "beyond").sum()),
            "unclear": int((verdicts == "unclear").sum()),
            "most": most,
            "median_error": float(size.median()),
            "largest_error": float(size.max()),
        }
    found["p99"]["without_limit"] = int((rows["grows"] & (rows["p99"] != "not told")).sum())
    untold = rows.loc[rows["p99"] == "not told", "untold"]
    found["untold"] = untold.value_counts().to_dict()
    return found
