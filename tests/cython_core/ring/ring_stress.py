"""Ring stress test: many events between two processes, each verified in order.

``python tests/cython_core/ring/ring_stress.py --events 100000000``
"""

import argparse
import json
import multiprocessing
import random
import sys
import time
from typing import NamedTuple

import numpy as np

from cython_core.ring.counters import RingCounters
from cython_core.ring.handle import Policy, RingHandle
from cython_core.ring.ring import Ring


class Moved(NamedTuple):
    """What a stress run moved.

    Attributes
    ----------
    events, batches : int
        Received, each event verified.
    seconds : float
        From the first event seen to the last one verified.
    counters : RingCounters
        Of the ring, after the last event.
    """

    events: int
    batches: int
    seconds: float
    counters: RingCounters


def stress(
    events: int = 100_000_000,
    *,
    batch: int = 10_000,
    capacity: int = 2**16,
    policy: Policy = "spin-then-wait",
    seed: int = 0,
) -> Moved:
    """Receive `events` events from a child process and check every sequence number.

    Parameters
    ----------
    events : int
        How many.
    batch : int
        Batches have random sizes from 1 to this; at most `capacity`.
    capacity : int
        Of the ring, in events.
    policy : {"spin", "spin-then-wait", "wait"}
        Of both ends.
    seed : int
        Of the batch sizes.

    Returns
    -------
    Moved

    Raises
    ------
    AssertionError
        If an event is missing, double, out of order or torn.
    """
    ring = Ring.create(capacity, role="consumer", policy=policy)
    with ring, ring.handle() as handle:
        child = multiprocessing.get_context("spawn").Process(
            target=_produce, args=(handle, events, batch, policy, seed)
        )
        child.start()
        handle.close()
        offsets = np.arange(capacity, dtype=np.uint64)
        wanted = np.empty(capacity, dtype=np.uint64)
        seen = batches = 0
        began = 0.0
        counters = ring.counters()
        for view in ring.batches(capacity):
            began = began or time.monotonic()
            n = len(view)
            np.add(offsets[:n], np.uint64(seen), out=wanted[:n])
            # The last field carries the same number, so a torn event would show.
            torn = view["flags"] != wanted[:n].astype(np.uint32)
            wrong = np.flatnonzero((view["sequence"] != wanted[:n]) | torn)
            if wrong.size:
                at = int(wrong[0])
                raise AssertionError(f"event {seen + at} is {view[at]}")
            seen += n
            batches += 1
            counters = ring.counters()
        seconds = time.monotonic() - began
        child.join()
    if seen != events:
        raise AssertionError(f"{seen} events came of {events}")
    return Moved(seen, batches, seconds, counters)


def _produce(handle: RingHandle, events: int, batch: int, policy: Policy, seed: int) -> None:
    draw = random.Random(seed)
    offsets = np.arange(batch, dtype=np.uint64)
    sent = 0
    with handle.attach(policy=policy) as ring:
        while sent < events:
            n = min(draw.randint(1, batch), events - sent)
            view = ring.reserve(n)
            np.add(offsets[:n], np.uint64(sent), out=view["sequence"])
            view["flags"] = view["sequence"]
            ring.commit()
            sent += n


def main() -> int:
    """Run `stress` from the command line; write one JSON object to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--capacity", type=int, default=2**16)
    parser.add_argument(
        "--policy", choices=["spin", "spin-then-wait", "wait"], default="spin-then-wait"
    )
    chosen = parser.parse_args()
    moved = stress(
        chosen.events, batch=chosen.batch, capacity=chosen.capacity, policy=chosen.policy
    )
    report = {
        "schema": "aether.ring-stress/1",
        "fabric": "shared-memory",
        "events": moved.events,
        "batches": moved.batches,
        "seconds": moved.seconds,
        "events_per_second": moved.events / moved.seconds,
        "counters": moved.counters._asdict(),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
