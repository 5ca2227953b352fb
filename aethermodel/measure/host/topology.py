"""Topology of a host's cores: threads of one core, caches and memory that cores share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from aethermodel.measure.host.system_files import Roots, field_of, listed, number_of, text_of

#: How far two cores are apart, the nearest first: threads of one core, cores behind one last-level
#: cache, cores of one NUMA node, and of two.
Distance = Literal["thread", "cache", "node", "remote"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)


@dataclass(frozen=True)
class Core:
    """A logical core.

    Attributes
    ----------
    number : int
    threads : frozenset of int
        Logical cores of the same physical one, this one included.
    cache : frozenset of int
        Logical cores behind the same last-level cache; only this one's threads where not told.
    node : int
        NUMA node; 0 where there is only one.
    isolated : bool
        Whether the scheduler puts nothing on it by itself.
    """

    number: int
    threads: frozenset[int]
    cache: frozenset[int]
    node: int
    isolated: bool

    def distance(self, other: Core) -> Distance:
        """Return how far another core is."""
        if other.number in self.threads:
            return "thread"
        if other.number in self.cache:
            return "cache"
        return "node" if self.node == other.node else "remote"


def topology(roots: Roots | None = None) -> dict[int, Core]:
    """Read the cores that this process may use, by number.

    Parameters
    ----------
    roots : Roots, optional
        Where to look; the running system by default.
    """
    where = roots or Roots()
    allowed = listed(field_of(where.proc / "self/status", "Cpus_allowed_list")) or frozenset({0})
    isolated = listed(text_of(where.cpu / "isolated")) or frozenset()
    nodes = _nodes(where)
    found = {}
    for number in sorted(allowed):
        folder = where.cpu / f"cpu{number}"
        threads = listed(text_of(folder / "topology/thread_siblings_list")) or frozenset({number})
        last = _last_cache(where, number)
        node = next((n for n, cores in nodes.items() if number in cores), 0)
        found[number] = Core(number, threads, last or threads, node, number in isolated)
    return found


def device_node(roots: Roots | None = None) -> int | None:
    """Return the NUMA node of the first RDMA device; None without one, or where it is not told."""
    devices = sorted(((roots or Roots()).sys / "class/infiniband").glob("*"))
    nodes = [number_of(device / "device/numa_node") for device in devices]
    return next((node for node in nodes if node is not None and node >= 0), None)


def pairs(cores: Iterable[Core]) -> dict[Distance, tuple[Core, Core]]:
    """Return one pair of cores of each distance that there is, the lowest numbers first."""
    found: dict[Distance, tuple[Core, Core]] = {}
    ordered = sorted(cores, key=lambda core: core.number)
    for one in ordered:
        for other in ordered:
            if one.number < other.number:
                found.setdefault(one.distance(other), (one, other))
    return {distance: found[distance] for distance in DISTANCES if distance in found}


def best_pair(cores: dict[int, Core], node: int | None = None) -> tuple[Core, Core] | None:
    """Return the cores for a loop and its producer; None where there are no two.

    Two physical cores behind one last-level cache, isolated ones before others, on the node of a
    device where there is one, and not core 0 where there is a choice: interrupts go there first.

    Parameters
    ----------
    cores : dict of int to Core
    node : int, optional
        On which they should lie.
    """
    rank = {"cache": 0, "node": 1, "thread": 2, "remote": 3}

    def cost(one: Core, other: Core) -> tuple[object, ...]:
        return (
            not (one.isolated and other.isolated),
            rank[one.distance(other)],
            node is not None and one.node != node,
            0 in one.threads | other.threads,
            one.number,
            other.number,
        )

    ordered = list(cores.values())
    choices = [(one, two) for one in ordered for two in ordered if one.number < two.number]
    return min(choices, key=lambda pair: cost(*pair)) if choices else None


def _nodes(roots: Roots) -> dict[int, frozenset[int]]:
    found = {}
    for folder in (roots.sys / "devices/system/node").glob("node[0-9]*"):
        if cores := listed(text_of(folder / "cpulist")):
            found[int(folder.name.removeprefix("node"))] = cores
    return found


def _last_cache(roots: Roots, number: int) -> frozenset[int] | None:
    """Return the cores behind the last cache of a core, if that is a third level or more."""
    best: tuple[int, frozenset[int]] | None = None
    for index in (roots.cpu / f"cpu{number}/cache").glob("index*"):
        level, shared = number_of(index / "level"), listed(text_of(index / "shared_cpu_list"))
        if level is not None and level >= 3 and shared and (best is None or level > best[0]):
            best = level, shared
    return best[1] if best else None
