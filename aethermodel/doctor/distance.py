"""Core-to-core distance, and whether a hypervisor moves the cores."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from time import sleep

from aethermodel.doctor.finding import Finding, Level
from aethermodel.measure.host.contention import trip_between, trip_excess
from aethermodel.measure.host.topology import Distance, best_pair, device_node, pairs, topology

# A core that slept may be woken elsewhere: each look comes after a nap.
_LOOKS, _NAP = 12, 0.025
# Of each distance for a table.
_FEW_LOOKS = 3
# Two cores behind one cache hand over a line in 50 ns or less; between sockets it is hundreds.
_NEAR = 200e-9


def check(trips: Sequence[float] | None = None) -> list[Finding]:
    """Look at the way between two cores, again and again for a third of a second.

    Parameters
    ----------
    trips : sequence of float, optional
        Seconds of a round trip, a look; measured here if left out.
    """
    return [_way(_trips() if trips is None else trips)]


def _trips() -> list[float]:
    pair = best_pair(topology(), device_node())
    if pair is None:
        return []
    found = []
    for _ in range(_LOOKS):
        found.append(trip_between(*(core.number for core in pair)))
        sleep(_NAP)
    return found


def by_distance() -> dict[Distance, float]:
    """Return the least seconds of a round trip between cores of each distance that there is."""
    found = {}
    for distance, pair in pairs(topology().values()).items():
        trips = [trip_between(*(core.number for core in pair)) for _ in range(_FEW_LOOKS)]
        known = [trip for trip in trips if not isnan(trip)]
        if known:
            found[distance] = min(known)
    return found


def _way(trips: Sequence[float]) -> Finding:
    known = sorted(trip for trip in trips if not isnan(trip))
    if not known:
        why = "not told: it takes two cores for this process, and a moment for itself"
        return _line("warn", None, why, ("taskset -c 0,1 aethermodel ...",))
    least, most = known[0], known[-1]
    value = f"{least * 1e9:,.0f} to {most * 1e9:,.0f} ns there and back"
    if trip_excess(most, least) > 1:
        why = (
            "the hypervisor moves the cores: near each other a ring between them carries a "
            "multiple of what it does apart; measurements tell the two, users do not"
        )
        return _line("warn", value, why, ("a host whose virtual cores are pinned",))
    if least > _NEAR:
        why = "the cores share no cache: every event that crosses waits for it"
        remedy = ("taskset -c to two cores of one L3: lscpu --extended=CPU,CACHE",)
        return _line("warn", value, why, remedy)
    return _line("good", value, "the cores share a cache, and stay where they are")


def _line(level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()) -> Finding:
    name = "way between the cores"
    return Finding(area="processor", name=name, level=level, value=value, why=why, remedy=remedy)
