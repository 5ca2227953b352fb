"""One microbenchmark a term. A probe turns settings into a function ``loops -> seconds``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
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
    """

    name: str
    settings: type[BaseModel]
    prepare: Callable[[Any], Timed]
    purpose: str


class _Probes(Mapping[str, Probe]):
    """The modules of this package by name, each imported when it is asked for.

    Whoever takes up a sweep of one probe does not wait for the transports of another.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._imported: dict[str, Probe] = {}

    def __getitem__(self, name: str) -> Probe:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._imported:
            module = import_module(module_of(name))
            purpose = (module.__doc__ or "").partition("\n")[0]
            self._imported[name] = Probe(name, module.Settings, module.prepare, purpose)
        return self._imported[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def module_of(name: str) -> str:
    """Return the module of a probe, for whoever imports it ahead of time."""
    return f"{__name__}.{_MODULES.get(name, name)}"


#: Probes whose module has a plainer name than the one that calibration files and sweeps hold.
_MODULES = {
    "call": "call_overhead",
    "crossing": "transport",
    "refill": "cache_refill",
    "shared": "core_scaling",
}
PROBES: Mapping[str, Probe] = _Probes(
    "loop",
    "refill",
    "ffi",
    "kernel",
    "fabric",
    "pipeline",
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
)
