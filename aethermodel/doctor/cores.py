"""Core check: cores for a producer and a consumer, and their other users."""

from __future__ import annotations

from aethermodel.doctor.finding import Finding, Level
from aethermodel.doctor.quota import effective_quota
from aethermodel.measure.host.system_files import Roots, field_of, listed, text_of
from aethermodel.measure.host.topology import device_node

#: A producer and a consumer.
WANTED = 2
# Below a twentieth of a core of other work, two cores are as good as free.
_IDLE = 0.05


def check(roots: Roots) -> list[Finding]:
    """Look at free cores, isolated cores and NUMA nodes."""
    allowed = listed(field_of(roots.proc / "self/status", "Cpus_allowed_list"))
    return [_free(roots, allowed), _isolated(roots, allowed), _numa(roots, allowed)]


def _free(roots: Roots, allowed: frozenset[int] | None) -> Finding:
    name = "two free cores"
    if allowed is None:
        return _line(name, "warn", None, "which cores this process may use cannot be read")
    cores = len(_physical(roots, allowed))
    quota = effective_quota(roots)
    load = _load(roots)
    value = f"{len(allowed)} logical on {cores} physical cores"
    value += f", quota {quota:g}" if quota is not None else ""
    value += ", load not readable" if load is None else f", load {load:.2f}"
    if len(allowed) < WANTED or (quota is not None and quota < WANTED):
        why = "producer and consumer take turns on what is left: figures are those of the scheduler"
        remedy = ("allow two cores: taskset -c 0,1; of a container: --cpus 2 --cpuset-cpus 0,1",)
        return _line(name, "bad", value, why, remedy)
    if cores < WANTED:
        why = "two threads of one core share its execution units and its caches"
        return _line(name, "warn", value, why, ("allow two physical cores: taskset -c",))
    if load is None:
        return _line(name, "warn", value, "whether they are idle cannot be told")
    if len(allowed) - load < WANTED - _IDLE:
        why = "other work runs beside the measurement (load average of one minute)"
        return _line(name, "warn", value, why, ("end what else runs, or wait",))
    return _line(name, "good", value, "a core for the producer and one for the consumer")


def _physical(roots: Roots, allowed: frozenset[int]) -> set[frozenset[int]]:
    """Physical cores as sets of their threads; each processor for itself where it is not told."""
    return {
        listed(text_of(roots.cpu / f"cpu{n}/topology/thread_siblings_list")) or frozenset({n})
        for n in allowed
    }


def _load(roots: Roots) -> float | None:
    try:
        return float((text_of(roots.proc / "loadavg") or "").split()[0])
    except (IndexError, ValueError):
        return None


def _isolated(roots: Roots, allowed: frozenset[int] | None) -> Finding:
    name = "isolated cores"
    text = text_of(roots.cpu / "isolated")
    cores = listed(text)
    if cores is None:
        return _line(name, "warn", None, "which cores the scheduler leaves alone cannot be read")
    if not cores:
        why = "the scheduler may put other work on any core: it shows in P99 and beyond"
        steps = (
            "kernel command line: isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3",
            "then: taskset -c 2,3 aethermodel ...",
        )
        return _line(name, "warn", "none", why, steps)
    if allowed is not None and not cores & allowed:
        remedy = (f"taskset -c {text} aethermodel ...",)
        return _line(name, "warn", text, "this process may not run on them", remedy)
    return _line(name, "good", text, "the scheduler puts nothing else on them")


def _numa(roots: Roots, allowed: frozenset[int] | None) -> Finding:
    name = "NUMA nodes"
    nodes = _nodes(roots)
    if not nodes:
        return _line(name, "warn", None, "how memory and cores lie together cannot be read")
    if len(nodes) == 1:
        return _line(name, "good", "1", "all memory is equally near")
    value = "; ".join(f"node {node}: {text}" for node, (text, _) in sorted(nodes.items()))
    used = {node for node, (_, cpus) in nodes.items() if allowed is None or cpus & allowed}
    if len(used) == 1:
        (node,) = used
        return _line(name, "good", value, f"this process stays on node {node}")
    why = "a batch may lie on the other node than its consumer: every event costs a remote read"
    where = device_node(roots)
    beside = min(used) if where is None else where
    remedy = f"numactl --cpunodebind={beside} --membind={beside} aethermodel ..."
    near = " (the node of the RDMA device)" if where is not None else ""
    return _line(name, "warn", value, why, (remedy + near,))


def _nodes(roots: Roots) -> dict[int, tuple[str, frozenset[int]]]:
    """Nodes that have processors, by number."""
    found = {}
    for folder in (roots.sys / "devices/system/node").glob("node[0-9]*"):
        text = text_of(folder / "cpulist")
        if text and (cpus := listed(text)):
            found[int(folder.name.removeprefix("node"))] = (text, cpus)
    return found


def _line(
    name: str, level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()
) -> Finding:
    return Finding(area="processor", name=name, level=level, value=value, why=why, remedy=remedy)
