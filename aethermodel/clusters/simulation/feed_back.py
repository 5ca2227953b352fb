"""Simulation with credits, which feed back: event by event, in native code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aethermodel.clusters.simulation.feed_forward import arrivals
from aethermodel.clusters.simulation.progress import Progress, ignored
from aethermodel.clusters.simulation.traffic import Hop, Layout, destinations, lay_out
from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Batches whose random figures are drawn at a time.
_BLOCK = 1 << 13


def run(
    cluster: Cluster,
    seconds: float,
    rng: np.random.Generator,
    progress: Progress = ignored,
    gathered_at: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Send batches until a time, each producer with no more in flight than its credits.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
    rng : numpy.random.Generator
    progress : callable
        Called now and then with (thousandths of the time, 1000).
    gathered_at : ndarray, shape (consumers,), optional
        Shares by which as many of the first batches as there are credits go to consumers, where
        they do not take turns: queues in which they would gather in the end have them at once.

    Returns
    -------
    ready, handled : ndarray, shape (batches,)
        When each batch was committed, and when its handling ended.

    Raises
    ------
    ModuleNotFoundError
        If this installation has no kernels.
    """
    from cython_core.credit_network import CreditNetwork

    assert cluster.credits is not None
    layout = lay_out(cluster)
    in_turn = cluster.topics.routing == "round-robin"
    greedy = cluster.producers.rate is None
    ready, sender = (None, None) if greedy else arrivals(cluster, seconds, rng)
    producers, consumers = cluster.producers.count, cluster.consumers.count
    network = CreditNetwork(
        cluster.credits,
        producers,
        float(layout.making.seconds[0]),
        [
            (hop.by_producer, hop.instance, hop.seconds, _in_order(layout, at))
            for at, hop in enumerate(layout.wires)
        ],
        layout.handling.seconds,
        cluster.links.latency,
        ready,
        sender,
        rng.integers(0, consumers, producers) if in_turn else None,
    )
    # What of a block is not used is drawn in vain: how much that is hangs on no draw's value.
    nobody = np.zeros(_BLOCK, dtype=np.int64)
    committed, handled = np.empty(_BLOCK), np.empty(_BLOCK)
    parts: list[tuple[Floats, Floats]] = []
    finished = False
    gathering = 0 if gathered_at is None or in_turn else cluster.credits * producers
    while not finished:
        consumer = nobody if in_turn else destinations(cluster, nobody, rng)
        if gathered_at is not None and gathering > 0:
            first = consumer[:gathering]
            first[:] = rng.choice(consumers, first.size, p=gathered_at)
            gathering -= _BLOCK
        count, finished, now = network.advance(
            seconds,
            _factors(layout.making, rng),
            _factors(layout.handling, rng),
            consumer,
            committed,
            handled,
        )
        parts.append((committed[:count].copy(), handled[:count].copy()))
        progress(int(1000 * now / seconds), 1000)
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _in_order(layout: Layout, at: int) -> bool:
    """Whether all that reaches a wire comes from one wire before it, and so in order."""
    if at == 0:
        return False
    before, here = layout.wires[at - 1], layout.wires[at]
    if before.by_producer != here.by_producer:
        return before.seconds.size == 1
    pairs = {*zip(here.instance.tolist(), before.instance.tolist(), strict=True)}
    return len(pairs) == here.seconds.size


def _factors(hop: Hop, rng: np.random.Generator) -> Floats:
    """Draw factors of mean 1 for a block."""
    if not hop.scatter or not hop.seconds.any():
        return np.ones(_BLOCK)
    shape = 1 / hop.scatter**2
    return np.asarray(rng.gamma(shape, 1 / shape, _BLOCK))
