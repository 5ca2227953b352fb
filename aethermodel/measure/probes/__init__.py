"""Registry of probes: microbenchmarks that time one thing each.

A probe is a module with a model ``Settings`` and ``prepare(settings)``, which returns a function
``loops -> seconds``. Those of this package are found by name, those of other distributions by
entry points of the group `GROUP`, whose name is the probe's and whose value is such a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

#: Runs an operation `loops` times and returns the seconds that all of them took; of a stream,
#: as `aethermodel.measure.host.slices.Stream` also those of each slice.
Timed = Callable[[int], float]


@dataclass(frozen=True)
class Probe:
    """A way to time one thing.

    Attributes
    ----------
    name : str
    settings : type of BaseModel
        What can be varied; unknown settings are refused.
    prepare : callable
        ``settings -> (loops -> seconds)``; buffers are made here, outside the clock.
    purpose : str
        What is timed, in a line.
    origin : str
        Distribution that it came with, where that is not this one.
    """

    name: str
    settings: type[BaseModel]
    prepare: Callable[[Any], Timed]
    purpose: str
    origin: str = ""


#: Entry points that register a probe.
GROUP = "aethermodel.probes"


class _Probes(Mapping[str, Probe]):
    """Probes by name, each imported when it is asked for.

    Whoever takes up a sweep of one probe does not wait for the transports of another, nor for a
    look at all that is installed: foreign probes are looked for when a name is not of this package,
    and when all are listed.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._imported: dict[str, Probe] = {}

    @cached_property
    def foreign(self) -> dict[str, EntryPoint]:
        """Probes of other distributions; none takes a name of this package."""
        found = entry_points(group=GROUP)
        return {entry.name: entry for entry in found if entry.name not in self._names}

    def module(self, name: str) -> str:
        """Return the module of a probe, for whoever imports it ahead of time."""
        if name in self._names:
            module = _MODULES.get(name, name)
            return module if "." in module else f"{__name__}.{module}"
        return self.foreign[name].module

    def __getitem__(self, name: str) -> Probe:
        if name not in self._imported:
            entry = None if name in self._names else self.foreign[name]
            origin = entry.dist.name if entry and entry.dist else ""
            try:
                module = entry.load() if entry else import_module(self.module(name))
                purpose = (module.__doc__ or "").partition("\n")[0]
                probe = Probe(name, module.Settings, module.prepare, purpose, origin)
            except Exception as error:
                if not entry:
                    raise
                raise ValueError(f"probe {name} of {origin} cannot be loaded: {error}") from error
            self._imported[name] = probe
        return self._imported[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names or name in self.foreign

    def __iter__(self) -> Iterator[str]:
        yield from self._names
        yield from sorted(self.foreign)

    def __len__(self) -> int:
        return len(self._names) + len(self.foreign)


#: Probes whose module has a plainer name than the one that calibration files and sweeps hold.
_MODULES = {
    "call": "call_overhead",
    "crossing": "transport",
    "refill": "cache_refill",
    "shared": "core_scaling",
    # Of a package above this one, which knows pipelines: imported when it is asked for.
    "stage": "aethermodel.pipelines.execution.probe",
}
PROBES = _Probes(
    "loop",
    "refill",
    "ffi",
    "kernel",
    "fabric",
    "pipeline",
    "in_place",
    "bandwidth",
    "shared",
    "checksum",
    "peer_route",
    "call",
    "crossing",
    "bus_loop",
    "dispatch",
    "send",
    "singly",
    "verbs",
    "stage",
)
