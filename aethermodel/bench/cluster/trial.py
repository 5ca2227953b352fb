"""Trials: closed form against simulation, cluster by cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aethermodel.bench.cluster.first_run import (
    displaced_batches,
    first_run_seconds,
    gathered_at,
    keeps_turns,
    memory_seconds,
)
from aethermodel.bench.cluster.observation import Observation, observe
from aethermodel.bench.cluster.random_clusters import random_cluster
from aethermodel.bench.cluster.tally import Interval
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.prediction import Prediction, predict

Progress = Callable[[int, int], None]

#: Largest errors to reach, as shares.
THROUGHPUT, P99 = 0.03, 0.15
#: Batches of all simulations of a cluster, at most.
MOST_BATCHES = 100_000_000
# Batches that are spent on figures known better than a verdict needs.
_PRECISION_BATCHES = 10_000_000


def verdict(error: Interval, limit: float) -> str:
    """Return "within", "beyond", or "unclear" where the simulation's own interval holds both.

    Of an interval that is no wider than two thirds of the limit its middle alone tells.
    """
    if error.high - error.low <= 2 / 3 * limit:
        return "within" if abs(error.value) <= limit else "beyond"
    low, high = sorted((error.low, error.high))
    if -limit <= low and high <= limit:
        return "within"
    return "beyond" if low > limit or high < -limit else "unclear"


def verdicts(prediction: Prediction, observation: Observation) -> tuple[str, str]:
    """Return the verdicts on throughput and P99; "not told" where the model tells none."""
    throughput = p99 = "not told"
    if prediction.throughput_told:
        error = observation.batches_per_second.error(prediction.batches_per_second)
        # On its way: neither right nor wrong is told by it.
        throughput = verdict(error, THROUGHPUT) if observation.rate_settled else "unclear"
    if prediction.grows:  # one that is not seen to grow has to be known to stay
        stays = np.isfinite(observation.p99.half)
        p99 = "within" if observation.grows else "beyond" if stays else "unclear"
    elif prediction.latency:
        p99 = verdict(observation.p99.error(prediction.latency.quantile(0.99)), P99)
    if p99 != "not told" and not (observation.settled or observation.grows):
        p99 = "unclear"
    return throughput, p99


def compare(cluster: Cluster, seed: int, most_batches: int = MOST_BATCHES) -> dict[str, object]:
    """Predict and simulate one cluster.

    Returns
    -------
    dict
        ``hosts``, ``kind`` (open, credits, greedy), ``load``, ``binds``, throughputs and P99s of
        model and simulation (with its interval), their errors as shares (nan where not told),
        a verdict of each, ``untold``, and CPU seconds of both.
    """
    begin = time.process_time()
    prediction = predict(cluster)
    p99 = prediction.latency.quantile(0.99) if prediction.latency else float("nan")
    predicted = time.process_time()
    seconds = first_run_seconds(prediction, most_batches)
    observation = observe(
        cluster,
        seconds,
        prediction.batches_per_second,
        most_batches,
        seed,
        memory_seconds=memory_seconds(prediction),
        independent_runs=keeps_turns(prediction, seconds),
        ask_growth=prediction.grows,
        precision_batches=_PRECISION_BATCHES,
        is_answer=lambda observation: "unclear" not in verdicts(prediction, observation),
        gathered_at=gathered_at(prediction),
        displaced_batches=displaced_batches(prediction),
    )
    greedy = cluster.producers.rate is None
    stage = prediction.bottleneck.stage
    rate = observation.batches_per_second
    throughput_verdict, p99_verdict = verdicts(prediction, observation)
    return {
        "settled": observation.settled,
        "hosts": cluster.hosts,
        "kind": "open" if cluster.credits is None else "greedy" if greedy else "credits",
        "routing": cluster.topics.routing,
        "load": float(prediction.loads(stage)[prediction.bottleneck.station]),
        "binds": stage.name,
        "model_per_second": prediction.events_per_second,
        "simulated_per_second": rate.value * cluster.producers.batch,
        "throughput_error": rate.error(prediction.batches_per_second).value,
        "throughput_interval": rate.half,
        "throughput": throughput_verdict,
        "model_p99_seconds": p99,
        "simulated_p99_seconds": observation.p99.value,
        "p99_error": p99 / observation.p99.value - 1,
        "p99_interval": observation.p99.half,
        "p99": p99_verdict,
        "grows": prediction.grows,
        "untold": prediction.untold,
        "model_cpu_seconds": predicted - begin,
        "simulation_cpu_seconds": time.process_time() - predicted,
        "batches": observation.batches,
    }


def trial(
    clusters: int,
    seed: int = 0,
    progress: Progress | None = None,
    most_batches: int = MOST_BATCHES,
) -> pd.DataFrame:
    """Compare many random clusters.

    Parameters
    ----------
    clusters : int
    seed : int
    progress : callable, optional
        Called with clusters done and clusters in all.
    most_batches : int
        That are simulated for a cluster.

    Returns
    -------
    pandas.DataFrame
        One row a cluster, as `compare` returns it.
    """
    rows = []
    for number in range(clusters):
        cluster = random_cluster(np.random.default_rng([seed, number]))
        rows.append(compare(cluster, number, most_batches))
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
    counts: dict[str, Any] = {"clusters": len(rows)}
    for name, limit in (("throughput", THROUGHPUT), ("p99", P99)):
        verdict_column = rows[name]
        is_told = verdict_column != "not told"
        # Of a P99 without limit there is no error.
        errors = rows.loc[is_told, f"{name}_error"].abs().dropna()
        counts[name] = {
            "told": int(is_told.sum()),
            "within": int((verdict_column == "within").sum()),
            "beyond": int((verdict_column == "beyond").sum()),
            "unclear": int((verdict_column == "unclear").sum()),
            "most": limit,
            "median_error": float(errors.median()),
            "largest_error": float(errors.max()),
        }
    without_limit = rows["grows"] & (rows["p99"] != "not told")
    counts["p99"]["without_limit"] = int(without_limit.sum())
    reasons = rows.loc[rows["p99"] == "not told", "untold"]
    counts["untold"] = reasons.value_counts().to_dict()
    return counts
