"""T_ffi probe: one empty call from Python into the kernel library."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from time import perf_counter

from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core.routing.routed import Routed
from cython_core.routing.router import route, route_call


class Settings(RecordSettings):
    """The call's arguments: the batch whose handle crosses.

    Attributes
    ----------
    with_kernel : bool
        Call `cython_core.route` itself, kernel and all.
    new_result : bool
        Have a new result made by each call, as without ``out=``.
    """

    with_kernel: bool = setting(False, "call route itself, kernel and all")
    new_result: bool = setting(False, "a new result by each call, as without out=")


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time the same argument checks and the same return as `cython_core.route` has."""
    batch = make_batch(settings.batch_size, settings.topics, 0, settings.record_bytes)
    topics = settings.topics
    out = None if settings.new_result else Routed(len(batch), topics)
    call = route if settings.with_kernel else route_call

    def timed(loops: int) -> float:
        start = perf_counter()
        for _ in repeat(None, loops):
            call(batch, topics, out=out)
        return perf_counter() - start

    return timed
