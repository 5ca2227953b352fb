"""Simulation with credits, which feed back: event by event, from a heap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from aethermodel.clusters.simulation.feed_forward import arrivals
from aethermodel.clusters.simulation.progress import Progress, ignored
from aethermodel.clusters.simulation.traffic import Hop, Layout, destinations, lay_out
from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]

# Kinds of events besides a batch's arrival at a wire, which is the wire's index.
_READY, _CREDIT = -2, -1
# Random figures that are drawn, and batches that are handled, at a time.
_BLOCK = 4096


def run(
    cluster: Cluster,
    seconds: float,
    rng: np.random.Generator,
    progress: Progress = ignored,
) -> tuple[Floats, Floats]:
    """Send batches until a time, each producer with no more in flight than its credits.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
    rng : numpy.random.Generator
    progress : callable
        Called now and then with (thousandths of the time, 1000).

    Returns
    -------
    ready, handled : ndarray, shape (batches,)
        When each batch was committed, and when its handling ended.
    """
    return _Run(cluster, rng).until(seconds, progress)


class _Run:
    """State of a simulation: when each queue is free, what waits for credits."""

    def __init__(self, cluster: Cluster, rng: np.random.Generator) -> None:
        assert cluster.credits is not None
        self._cluster, self._rng = cluster, rng
        self._layout: Layout = lay_out(cluster)
        producers = cluster.producers.count
        self._credits = [cluster.credits] * producers
        self._waiting: list[deque[float]] = [deque() for _ in range(producers)]
        self._maker_free = [0.0] * producers
        self._taken = [0.0] * cluster.consumers.count
        self._making = _draws(self._layout.making, rng)
        self._handling = _draws(self._layout.handling, rng)
        self._next = _consumers(cluster, rng)
        self._events: list[tuple[float, int, int, int, int, float, float]] = []
        self._count = 0

    def until(self, seconds: float, progress: Progress) -> tuple[Floats, Floats]:
        """Run up to a time; return when batches were committed, and when handled."""
        layout, latency = self._layout, self._cluster.links.latency
        wires = [
            (hop.by_producer, hop.instance.tolist(), hop.seconds.tolist()) for hop in layout.wires
        ]
        free = [[0.0] * len(seconds_) for _, _, seconds_ in wires]
        alone = [_in_order(layout, at) for at in range(len(wires))]
        handling, slow = layout.handling.seconds.tolist(), self._handling
        events, taken, push = self._events, self._taken, heappush
        committed: list[float] = []
        handled: list[float] = []
        self._begin(seconds)
        while events:
            now, _, kind, producer, consumer, last, ready = heappop(events)
            if now >= seconds:
                break
            if kind == _CREDIT:
                self._credits[producer] += 1
                self._release(producer, now)
                continue
            if kind == _READY:
                self._waiting[producer].append(now)
                self._release(producer, now)
                continue
            while True:
                by_producer, instance, each = wires[kind]
                at = instance[producer if by_producer else consumer]
                begun = free[kind][at]
                begun = max(begun, now)
                end = begun + each[at]
                free[kind][at] = end
                last = max(last, end)
                now, kind = begun, kind + 1
                if kind == len(wires):
                    come = last + latency
                    begun = taken[consumer]
                    begun = max(begun, come)
                    end = begun + handling[consumer] * next(slow)
                    taken[consumer] = end
                    committed.append(ready)
                    handled.append(end)
                    if not len(handled) % _BLOCK:
                        progress(int(1000 * now / seconds), 1000)
                    self._count += 1
                    push(events, (end + latency, self._count, _CREDIT, producer, 0, 0.0, 0.0))
                    break
                if not alone[kind]:
                    self._count += 1
                    push(events, (now, self._count, kind, producer, consumer, last, ready))
                    break
        return np.array(committed), np.array(handled)

    def _begin(self, seconds: float) -> None:
        if self._cluster.producers.rate is None:
            for producer in range(self._cluster.producers.count):
                self._release(producer, 0.0)
            return
        ready, senders = arrivals(self._cluster, seconds, self._rng)
        for number, (at, who) in enumerate(zip(ready.tolist(), senders.tolist(), strict=True)):
            self._events.append((at, number, _READY, who, 0, 0.0, 0.0))  # sorted is a heap
        self._count = ready.size

    def _release(self, producer: int, now: float) -> None:
        """Send what the producer's credits let go."""
        greedy = self._cluster.producers.rate is None
        waiting = self._waiting[producer]
        making = self._layout.making.seconds[producer]
        while self._credits[producer] and (greedy or waiting):
            self._credits[producer] -= 1
            begun = max(now, self._maker_free[producer])
            made = begun + making * next(self._making) if making else begun
            self._maker_free[producer] = made
            ready = made if greedy else waiting.popleft()
            self._count += 1
            consumer = self._next(producer)
            heappush(self._events, (made, self._count, 0, producer, consumer, made, ready))


def _in_order(layout: Layout, at: int) -> bool:
    """Whether all that reaches a wire comes from one wire before it, and so in order."""
    if at == 0:
        return False
    before, here = layout.wires[at - 1], layout.wires[at]
    if before.by_producer != here.by_producer:
        return before.seconds.size == 1
    pairs = {*zip(here.instance.tolist(), before.instance.tolist(), strict=True)}
    return len(pairs) == here.seconds.size


def _draws(hop: Hop, rng: np.random.Generator) -> Iterator[float]:
    """Yield factors of mean 1."""
    shape = 1 / hop.scatter**2 if hop.scatter else 0.0
    while True:
        yield from (rng.gamma(shape, 1 / shape, _BLOCK) if shape else np.ones(_BLOCK)).tolist()


def _consumers(cluster: Cluster, rng: np.random.Generator) -> Callable[[int], int]:
    """Return what draws the next consumer of a producer."""
    if cluster.topics.routing == "round-robin":
        turn: list[int] = rng.integers(0, cluster.consumers.count, cluster.producers.count).tolist()

        def following(producer: int) -> int:
            turn[producer] = (turn[producer] + 1) % cluster.consumers.count
            return turn[producer]

        return following

    def drawn() -> Iterator[int]:
        while True:
            yield from destinations(cluster, np.zeros(_BLOCK, dtype=np.int64), rng).tolist()

    stream = drawn()
    return lambda producer: next(stream)
