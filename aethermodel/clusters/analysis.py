"""Analysis of a cluster: what a command, a page and a notebook say of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from aethermodel.clusters.simulation.progress import Progress, ignored
from aethermodel.clusters.simulation.run import Simulated
from aethermodel.model.cluster.cluster import Cluster
from aethermodel.model.cluster.growth import (
    LOADS,
    HotTopic,
    Step,
    capacity,
    consumer_counts,
    growth,
    hot_topic,
    load_curve,
    stops_paying,
)
from aethermodel.model.cluster.incast import overflow
from aethermodel.model.cluster.prediction import Prediction, predict
from aethermodel.model.cluster.stations import Stage

#: What each stage is called to a reader.
NAMES = {
    "producer": "producer",
    "uplink": "link of a producer's host",
    "trunk up": "trunk of a producers' switch",
    "trunk down": "trunk of a consumers' switch",
    "port": "link of a consumer's host",
    "consumer": "consumer",
}


# Batches of a simulation in place of a P99 that the closed form does not tell.
_IN_PLACE = 400_000


def seconds_in_place(cluster: Cluster) -> float | None:
    """Time to simulate where no P99 is told; None where one is, or where the load forbids it."""
    told = predict(cluster)
    if told.latency is not None or math.isinf(told.mean_seconds):
        return None
    return _IN_PLACE / told.batches_per_second


@dataclass(frozen=True)
class Analysis:
    """A cluster with all that follows from it.

    Attributes
    ----------
    cluster : Cluster
    steps : list of Step
        Capacity by number of consumers.
    predictions : list of Prediction
        At the loads of a curve.
    simulated : Simulated or None
        Beside the model, if it was asked for.
    """

    cluster: Cluster
    steps: list[Step]
    predictions: list[Prediction]
    simulated: Simulated | None = None

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        simulated: Simulated | None = None,
        progress: Progress = ignored,
    ) -> Analysis:
        """Predict a cluster with other numbers of consumers, and at other loads.

        Parameters
        ----------
        cluster : Cluster
        simulated : Simulated, optional
        progress : callable
            Called with (predictions made, predictions in all).
        """
        counts = consumer_counts(cluster)
        total = len(counts) + len(LOADS)
        steps: list[Step] = []
        for step in growth(cluster, counts):
            steps.append(step)
            progress(len(steps), total)
        predictions: list[Prediction] = []
        for prediction in load_curve(cluster):
            predictions.append(prediction)
            progress(len(steps) + len(predictions), total)
        return cls(cluster, steps, predictions, simulated)

    @cached_property
    def told(self) -> Prediction:
        """Prediction at the rate described."""
        return predict(self.cluster)

    @cached_property
    def capacity(self) -> float:
        """Events a second at which the cluster saturates."""
        return capacity(self.cluster) * self.cluster.producers.batch

    @cached_property
    def hot(self) -> HotTopic:
        """What the most popular topic costs."""
        return hot_topic(self.cluster)

    @cached_property
    def enough(self) -> Step:
        """Consumers beyond which more of them bring next to nothing."""
        return stops_paying(self.steps)

    @cached_property
    def binding(self) -> str:
        """Station that saturates first, as a reader calls it, or the credits."""
        binds = next(growth(self.cluster, [self.cluster.consumers.count])).binds
        if binds == "credits":
            return "credits"
        worst = self.told.bottleneck
        return called(worst.stage, worst.station)

    def stations(self) -> pd.DataFrame:
        """Return a row a stage: ``what``, ``count``, ``mean`` and ``most`` busy, ``busiest``."""
        rows = []
        for stage in self.told.stages:
            loads = self.told.loads(stage)
            rows.append(
                {
                    "what": NAMES[stage.name],
                    "count": loads.size,
                    "mean": float(loads.mean()),
                    "most": float(loads.max()),
                    "busiest": called(stage, int(loads.argmax())),
                    "seconds": float(stage.seconds.max()),
                    "binds": stage is self.told.bottleneck.stage,
                }
            )
        return pd.DataFrame(rows)

    def curve(self) -> pd.DataFrame:
        """Return latencies against load: ``load``, ``events_per_second``, ``p50``, ``p99``."""
        rows = []
        for load, told in zip(LOADS, self.predictions, strict=True):
            known = told.latency
            rows.append(
                {
                    "load": load,
                    "events_per_second": load * self.capacity,
                    "p50": known.quantile(0.5) if known else math.nan,
                    "p99": known.quantile(0.99) if known else math.nan,
                    "untold": told.untold,
                }
            )
        return pd.DataFrame(rows)

    def figures(self) -> dict[str, Any]:
        """Return all of it as a JSON document has it."""
        told, hot = self.told, self.hot
        cluster = self.cluster
        producers = cluster.producers
        latency = told.latency
        seen = self.simulated
        return {
            "name": cluster.name,
            "hosts": cluster.hosts,
            "producers": producers.count,
            "consumers": cluster.consumers.count,
            "offered_per_second": cluster.offered * producers.batch,
            "throughput_per_second": told.events_per_second,
            "throughput_told": told.throughput_told,
            "capacity_per_second": self.capacity,
            "spread_per_second": told.spread * producers.batch,
            "binds": self.binding,
            "mean_seconds": told.mean_seconds,
            "p50_seconds": latency.quantile(0.5) if latency else None,
            "p99_seconds": latency.quantile(0.99) if latency else None,
            "untold": told.untold,
            "buffer_overflow": overflow(told),
            "stations": self.stations().to_dict(orient="records"),
            "curve": self.curve().to_dict(orient="records"),
            "hot_topic": {**vars(hot), "lost": hot.lost},
            "growth": [vars(step) for step in self.steps],
            "stops_paying": vars(self.enough),
            "simulated": None
            if seen is None
            else {
                "seconds": seen.seconds,
                "batches": int(seen.latencies.size),
                "throughput_per_second": seen.batches_per_second * producers.batch,
                "p50_seconds": seen.quantile(0.5),
                "p99_seconds": seen.quantile(0.99),
            },
        }


def called(stage: Stage, at: int) -> str:
    """Return what a station is called to a reader, with its number where there are several."""
    return NAMES[stage.name] + (f" {at + 1}" if stage.seconds.size > 1 else "")
