"""Stations of a cluster: whatever a batch can wait for, on its way from producer to consumer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Side = Literal["producers", "consumers"]
SIDES: tuple[Side, Side] = ("producers", "consumers")
#: Stages in the order in which a batch meets them.
STAGES = ("producer", "uplink", "trunk up", "trunk down", "port", "consumer")
#: Load of a station that is as good as always busy.
FULL = 0.98
#: Those that are wires.
WIRES = frozenset({"uplink", "trunk up", "trunk down", "port"})


@dataclass(frozen=True)
class Stage:
    """Stations of one kind.

    Attributes
    ----------
    name : str
        Of `STAGES`.
    side : {"producers", "consumers"}
        Which end of a batch's way says which station it meets.
    station : ndarray of int, shape (producers,) or (consumers,)
        Station of each producer or consumer.
    ends : ndarray, shape (producers,) or (consumers,)
        Share of all batches that each producer sends or each consumer takes.
    seconds : ndarray, shape (stations,)
        Mean time that a batch occupies each.
    share : ndarray, shape (stations,)
        Share of all batches that pass each.
    scatter : float
        Standard deviation of the time over its mean.
    """

    name: str
    side: Side
    station: Integers
    ends: Floats
    seconds: Floats
    share: Floats
    scatter: float = 0.0

    @property
    def demand(self) -> Floats:
        """Seconds of each station that a batch takes on average, over all batches."""
        return self.share * self.seconds

    @property
    def members(self) -> Integers:
        """Producers or consumers behind each station."""
        return np.bincount(self.station, minlength=self.seconds.size)

    def label(self, at: int) -> str:
        """Return the name of one station, by number where there are several."""
        return self.name if self.seconds.size == 1 else f"{self.name} {at + 1}"


def stages_of(cluster: Cluster) -> list[Stage]:
    """Return the stages of a cluster; what takes no time is left out.

    Notes
    -----
    A batch occupies a wire for bytes over rate. Packets of a batch follow each other, so that a
    batch is on all its wires at once (cut-through), and it pays the slowest one's time only once.
    """
    producers, consumers = cluster.producers, cluster.consumers
    ends: dict[Side, Floats] = {
        "producers": np.full(producers.count, 1 / producers.count),
        "consumers": cluster.shares(),
    }
    link = producers.batch_bytes / cluster.links.bytes_per_second
    found: list[Stage] = []

    def add(
        name: str, side: Side, station: Integers, seconds: Floats, scatter: float = 0.0
    ) -> None:
        share = np.asarray(np.bincount(station, ends[side], seconds.size), dtype=np.float64)
        found.append(Stage(name, side, station, ends[side], seconds, share, scatter))

    making = producers.cost.seconds(producers.batch)
    sender_host = np.arange(producers.count) // producers.per_host
    taker_host = np.arange(consumers.count) // consumers.per_host
    if making > 0:
        each = np.arange(producers.count)
        add("producer", "producers", each, np.full(each.size, making), producers.cost.scatter)
    add("uplink", "producers", sender_host, np.full(producers.hosts, link))
    ports = cluster.switches.ports
    if ports is not None and cluster.hosts > ports:
        trunk = link * cluster.switches.oversubscription / ports
        for name, side, host in zip(
            ("trunk up", "trunk down"), SIDES, (sender_host, taker_host), strict=True
        ):
            leaf = host // ports
            add(name, side, leaf, np.full(int(leaf[-1]) + 1, trunk))
    add("port", "consumers", taker_host, np.full(consumers.hosts, link))
    handling = np.full(consumers.count, consumers.cost.seconds(producers.batch))
    handling[consumers.count - consumers.slow :] *= consumers.slowness
    add("consumer", "consumers", np.arange(consumers.count), handling, consumers.cost.scatter)
    return found


def wire_seconds(stages: list[Stage]) -> float:
    """Time that a batch spends on its wires where nothing is in the way: the slowest one's."""
    return max(float(stage.seconds.max()) for stage in stages if stage.name in WIRES)
