"""One microbenchmark a term. A probe turns settings into a function ``loops -> seconds``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from aethermodel.measure.probes import (
    bandwidth,
    bus_loop,
    call,
    checksum,
    crossing,
    dispatch,
    fabric,
    ffi,
    kernel,
    loop,
    peer_route,
    pipeline,
    send,
    shared,
    singly,
    verbs,
)

#: Runs an operation `loops` times and returns the seconds that all of them took; of a stream,
#: as `aethermodel.measure.slices.Lapped` also those of each stretch.
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
    """

    name: str
    settings: type[BaseModel]
    prepare: Callable[[Any], Timed]


PROBES = {
    module.NAME: Probe(module.NAME, module.Settings, module.prepare)
    for module in (
        loop,
        ffi,
        kernel,
        fabric,
        pipeline,
        bandwidth,
        shared,
        checksum,
        peer_route,
        call,
        crossing,
        bus_loop,
        dispatch,
        send,
        singly,
        verbs,
    )
}
