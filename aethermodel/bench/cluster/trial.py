"""Trials: closed form against simulation, cluster by cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aethermodel.bench.cluster.observation import Observation, observe
from aethermodel.bench.cluster.random_clusters import random_cluster
from aethermodel.bench.cluster.tally import Interval
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.prediction import Prediction, predict
from aethermodel.model.cluster.stations import FULL

Progress = Callable[[int, int], None]
Integers = npt.NDArray[np.int64]

#: Largest errors to reach, as shares.
THROUGHPUT, P99 = 0.03, 0.15
#: Batches of the first simulation of a cluster, at least, and of all of them, at most.
LEAST, MOST = 200_000, 100_000_000
# Batches of a first simulation, at most, and of those that are spent on figures known better than
# a verdict needs.
_FIRST_MOST, _PRECISE = 5_000_000, 10_000_000
# Memories of the busiest queue in a first simulation.
_FIRST = 40
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
    the drift is what makes their queues as long as they are. Where they keep one, all batches
    gather there, and those of a producer mix while its queue passes once; if they do not begin
    there (`first_to`), at what the next busiest station leaves it of a rate.
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
        waits = {id(part.stage): part.mean for part in told.window.waits}
        loads = [(rate * float(d), part, i) for part in shared for i, d in enumerate(part.demand)]
        others = [one for one in loads if not (one[1] is stage and one[2] == at)]
        load, part, i = max(others, key=lambda one: one[0], default=(0.0, stage, at))
        if load > FULL:
            spare = noise / 2 / (1 + float(waits[id(stage)][at]) / seconds)
        else:
            through = told.window.population / rate / float(stage.share[at])
            if first_to(told) is None:  # all batches have to gather there
                return through / (1 - load)
            own = 2 * (1 + part.scatter**2) * float(part.seconds[i]) / (1 - load) ** 2
            return max(through, own)
    return 2 * noise * seconds / max(spare, 1 - _NEAREST) ** 2


def first_to(told: Prediction) -> Integers | None:
    """Consumers behind the one station where all batches in flight gather; None if there is none.

    A simulation that begins with them there need not wait until they have gathered.
    """
    busiest = told.bottleneck
    stage, rate = busiest.stage, told.batches_per_second
    in_turn = told.cluster.topics.routing == "round-robin"
    full = sum(int(np.sum(rate * part.demand > FULL)) for part in told.stages)
    if told.window is None or told.grows or in_turn or stage.side == "producers" or full != 1:
        return None
    return np.flatnonzero(stage.station == busiest.station)


def seconds_to_simulate(told: Prediction, memory: float, most: int) -> float:
    """Time of a first simulation: many batches, and many memories of the busiest queue."""
    rate = told.batches_per_second
    wanted = max(LEAST / rate, _FIRST * memory)
    if told.window is not None:
        wanted = max(wanted, _ROUND_TRIPS * told.window.population / rate)
    return float(min(wanted, _FIRST_MOST / rate, most / 4 / rate))


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


def verdicts(told: Prediction, seen: Observation) -> tuple[str, str]:
    """Return the verdicts on throughput and P99; "not told" where the model tells none."""
    throughput = p99 = "not told"
    if told.throughput_told:
        throughput = verdict(seen.batches_per_second.error(told.batches_per_second), THROUGHPUT)
    if told.grows:
        p99 = "within" if seen.grows else "beyond"
    elif told.latency:
        p99 = verdict(seen.p99.error(told.latency.quantile(0.99)), P99)
    if seen.settled or seen.grows:
        return throughput, p99
    # On its way: neither right nor wrong is told by it.
    throughput = throughput if throughput == "not told" else "unclear"
    return throughput, p99 if p99 == "not told" else "unclear"


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
        memory=memory,
        growing=told.grows,
        precise=_PRECISE,
        judged=lambda seen: "unclear" not in verdicts(told, seen),
        first_to=first_to(told),
    )
    greedy = cluster.producers.rate is None
    stage = told.bottleneck.stage
    rate = seen.batches_per_second
    throughput_error = rate.error(told.batches_per_second)
    throughput_verdict, p99_verdict = verdicts(told, seen)
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
