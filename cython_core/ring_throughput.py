"""Ring throughput: batches across processes, every event routed."""

import multiprocessing
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cython_core.events.record import allocate
from cython_core.ring.handle import Policy, RingHandle
from cython_core.ring.ring import Ring
from cython_core.routing.routed import Routed
from cython_core.routing.router import route


class Crossing(NamedTuple):
    """What crossed, and what routing cost meanwhile.

    Attributes
    ----------
    seconds : float
        From the producer's first send to the last routed batch.
    routing : numpy.ndarray of float64, shape (batches,)
        Seconds that the consumer spent in `route`, a batch.
    routed : int
        Events, counted by the router's own per-topic counts.
    """

    seconds: float
    routing: npt.NDArray[np.float64]
    routed: int


def sample_batch(n: int, topics: int, seed: int = 0) -> npt.NDArray[np.void]:
    """Return a batch with random topics and values, and sequence 0 to n - 1."""
    draw = np.random.default_rng(seed)
    events = allocate(n)
    events["sequence"] = np.arange(n)
    events["topic"] = draw.integers(0, topics, n)
    events["value"] = draw.random(n)
    return events


def route_across(
    batches: int = 1000,
    *,
    n: int = 10_000,
    topics: int = 64,
    capacity: int = 2**16,
    policy: Policy = "spin-then-wait",
) -> Crossing:
    """Route batches that another process copies into the ring.

    Parameters
    ----------
    batches : int
        How many, after ten that warm up.
    n : int
        Events a batch, at most `capacity`.
    topics : int
        Number of topics.
    capacity : int
        Of the ring, in events. A ring about the size of the last-level cache's share
        is fastest: lines age out of the producer's own cache before they are read.
    policy : {"spin-then-wait", "spin", "wait"}
        Of both ends; pure spinning wants two cores that nobody else uses.

    Returns
    -------
    Crossing
    """
    warm = 10
    out = Routed(n, topics)
    routing = np.zeros(batches + warm)
    routed = 0
    with Ring.create(capacity, role="consumer", policy=policy) as ring:
        with ring.handle() as handle:
            child = multiprocessing.get_context("spawn").Process(
                target=_send, args=(handle, batches + warm, n, topics, policy)
            )
            child.start()
        began = 0.0
        for i in range(batches + warm):
            while len(events := ring.peek(n)) < n:
                pass
            if i == warm:
                # The producer stamps when it sent this one.
                began = float(events["timestamp_ns"][0]) * 1e-9
            start = time.perf_counter()
            routed += int(route(events, topics, out=out).count.sum())
            routing[i] = time.perf_counter() - start
            ring.release()
        seconds = time.monotonic() - began
        child.join()
    return Crossing(seconds, routing[warm:], routed - warm * n)


def _send(handle: RingHandle, batches: int, n: int, topics: int, policy: Policy) -> None:
    events = sample_batch(n, topics)
    with handle.attach(policy=policy) as ring:
        for _ in range(batches):
            events["timestamp_ns"][0] = time.monotonic_ns()
            ring.write(events)


def route_alone(
    batches: int = 1000, *, n: int = 10_000, topics: int = 64, pool: int = 1
) -> npt.NDArray[np.float64]:
    """Route `pool` batches in turn in this process alone: what crossing is compared to.

    Returns
    -------
    numpy.ndarray of float64, shape (batches,)
        Seconds a batch.
    """
    events = [sample_batch(n, topics, seed) for seed in range(pool)]
    out = Routed(n, topics)
    routing = np.zeros(batches)
    for i in range(batches):
        start = time.perf_counter()
        route(events[i % pool], topics, out=out)
        routing[i] = time.perf_counter() - start
    return routing
