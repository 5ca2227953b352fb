"""Pinning check: the cores on which a loop and its producer are best put, by the topology."""

from __future__ import annotations

from aethermodel.doctor.distance import by_distance
from aethermodel.doctor.finding import Finding, Level
from aethermodel.measure.host.system_files import Roots
from aethermodel.measure.host.topology import Distance, best_pair, device_node, topology

_WHAT: dict[Distance, tuple[Level, str]] = {
    "cache": ("good", "two physical cores behind one last-level cache: a batch goes over by it"),
    "node": ("warn", "two cores of one NUMA node without a common cache: a batch goes by memory"),
    "thread": ("warn", "two threads of one core: each takes half of it from the other"),
    "remote": ("warn", "the two cores are of different NUMA nodes: every event is a remote read"),
}


def check(roots: Roots) -> list[Finding]:
    """Recommend a ``--pin`` for this host by its topology, with what each distance costs here."""
    cores = topology(roots)
    node = device_node(roots)
    pair = best_pair(cores, node)
    if pair is None:
        why = "this process may use one core only: loop and producer take turns on it"
        return [_line("warn", "none" if cores else None, why)]
    loop, producer = pair
    if not (roots.cpu / f"cpu{loop.number}/topology").is_dir():
        return [_line("warn", None, "how the cores lie together cannot be read")]
    level, why = _WHAT[loop.distance(producer)]
    if loop.isolated and producer.isolated:
        why += "; the scheduler puts nothing else on them"
    if node is not None and loop.node == node:
        why += "; on the node of the RDMA device"
    if roots.are_own and (trips := by_distance()):
        told = (f"{name} {1e9 * trip:,.0f} ns" for name, trip in trips.items())
        why += f"; a line there and back by distance: {', '.join(told)}"
    pin = f"--pin {loop.number}:{producer.number}"
    return [_line(level, pin, why, (f"aethermodel validate --fabric shm {pin}",))]


def _line(level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()) -> Finding:
    return Finding(
        area="processor", name="pinning", level=level, value=value, why=why, remedy=remedy
    )
