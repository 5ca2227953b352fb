"""Ring benchmark: batches from one process to another, compared with other transports."""

from __future__ import annotations

from typing import Any

from aethermodel.bench.contest import Contestant
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.sampling.sampler import Point
from aethermodel.measure.transports import TRANSPORTS, lacking

ALONE = "routing alone, one process"
FETCHED = "reading the ring, no routing"


def ring_contestants(
    batch_size: int, topics: int, record_bytes: int = EVENT_BYTES
) -> list[Contestant]:
    """Return every transport that is installed, and routing alone beside them.

    Parameters
    ----------
    batch_size, topics : int
        Of every batch that crosses; the consumer routes all of its events.
    record_bytes : int
        Of each event; of others than 64 only our own rows are there.
    """
    base: dict[str, Any] = {"batch_size": batch_size, "topics": topics}
    others = record_bytes != EVENT_BYTES
    if others:
        base["record_bytes"] = record_bytes

    def point(transport: str) -> Point:
        return Point(probe="crossing", settings=base | {"transport": transport})

    fetched = Point(probe="crossing", settings=base | {"transport": "ring", "routed": False})
    rows = [
        Contestant(ALONE, "ceiling", point("none"), "no crossing: the pool's batches, round-robin"),
        Contestant(FETCHED, "ceiling", fetched, "one word an event, from the producer's lines"),
    ]
    for name, transport in TRANSPORTS.items():
        if others and not transport.any_record:
            continue
        if not lacking(name):
            group = "ours" if name.startswith("ring") else "peer"
            rows.append(Contestant(name, group, point(name), transport.form))
    return rows
