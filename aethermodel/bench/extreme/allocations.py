"""Python allocations of one batch: number, place, size and cost."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.bench.extreme.stress import Stress
from aethermodel.bus.plane import Batch, Plane
from cython_core import route

_HERE = Path(__file__).parents[3]
_TICKS = 100


@dataclass(frozen=True)
class Site:
    """One line of source that allocates."""

    where: str
    blocks: int
    size_bytes: int


@dataclass(frozen=True)
class Allocations:
    """Of one batch of the stress test with the real core.

    Attributes
    ----------
    blocks : int
        Blocks allocated from the batch in hand to its last handler. What Python takes from its
        free lists is not among them.
    peak_bytes : int
        Most that was held at once for one batch (median of ticks).
    retained_bytes : int
        What a tick leaves behind (median of ticks): a leak, if it is not 0.
    sites : tuple of Site
        By line, the most blocks first.
    seconds : tuple of float
        What making and dropping these objects takes a batch, by repeat.
    """

    blocks: int
    peak_bytes: int
    retained_bytes: int
    sites: tuple[Site, ...]
    seconds: tuple[float, ...]

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def allocations(stress: Stress, repeats: int = 7) -> Allocations:
    """Count under tracemalloc, and time without it; nothing else is timed meanwhile.

    Parameters
    ----------
    stress : Stress
        With the real core.
    repeats : int
        Timings of the objects.

    Raises
    ------
    ValueError
        If the core is mocked: it makes no objects.
    RuntimeError
        If tracemalloc runs already: its figures are another's.
    """
    if stress.design.core != "cython":
        raise ValueError("the mocked core hands nothing to handlers: it allocates nothing")
    if tracemalloc.is_tracing():
        raise RuntimeError("tracemalloc is in use by another")
    batch = stress.batches[0]
    stress.process(batch)  # what is made once is not of this batch
    snapshot = _held_by_handlers(stress, batch)
    sites = [
        Site(_short(found.traceback[0]), found.count, found.size)
        for found in snapshot.statistics("lineno")
    ]
    peak, retained = _peak_and_retained(stress.process, batch)
    seconds = tuple(_object_seconds(stress, batch) for _ in range(repeats))
    ranked = tuple(sorted(sites, key=lambda site: -site.blocks))
    return Allocations(sum(s.blocks for s in ranked), peak, retained, ranked, seconds)


def _held_by_handlers(stress: Stress, batch: Batch) -> tracemalloc.Snapshot:
    """Trace one tick whose handlers keep all that they are shown, until the last one has it."""
    design = stress.design
    plane = Plane(design.topics, design.batch_size)
    hit = np.unique(batch["topic"]).tolist()
    kept: list[Any] = [None] * design.topics
    snapshots: list[tracemalloc.Snapshot] = []

    def keep_of(topic: int) -> Callable[[Batch, npt.NDArray[np.uint32]], None]:
        def keep(_: Batch, indices: npt.NDArray[np.uint32]) -> None:
            kept[topic] = indices
            if topic == hit[-1]:
                snapshots.append(tracemalloc.take_snapshot())

        return keep

    for topic in range(design.topics):
        plane.on(topic, keep_of(topic))
    gc.collect()
    tracemalloc.start()
    try:
        plane.tick(batch)
    finally:
        tracemalloc.stop()
    return snapshots[0].filter_traces((tracemalloc.Filter(False, tracemalloc.__file__),))


def _peak_and_retained(process: Callable[[Batch], None], batch: Batch) -> tuple[int, int]:
    """Medians over ticks: what a list that grows now and then takes is not each batch's."""
    peaks, retained = [], []
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(_TICKS):
            tracemalloc.reset_peak()
            before, _peak = tracemalloc.get_traced_memory()
            process(batch)
            after, peak = tracemalloc.get_traced_memory()
            peaks.append(peak - before)
            retained.append(after - before)
    finally:
        tracemalloc.stop()
    return int(np.median(peaks)), int(np.median(retained))


def _object_seconds(stress: Stress, batch: Batch) -> float:
    """Time the list of bounds and the views, less the bare loop over the topics."""
    routed = route(batch, stress.design.topics)
    offsets, indices, topics = routed.offsets, routed.indices, range(stress.design.topics)
    known = offsets.tolist()
    start = perf_counter()
    for _ in range(_TICKS):
        bounds = offsets.tolist()
        for topic in topics:
            indices[bounds[topic] : bounds[topic + 1]]
    made = perf_counter()
    for _ in range(_TICKS):
        for topic in topics:
            known[topic], known[topic + 1]
    bare = perf_counter() - made
    return max(0.0, made - start - bare) / _TICKS


def _short(frame: tracemalloc.Frame) -> str:
    if frame.filename == __file__:
        return "cython_core/ticks/tick.pyx"  # native code has no line: it is its caller's
    path = Path(frame.filename)
    shown = path.relative_to(_HERE) if path.is_relative_to(_HERE) else Path(path.name)
    return f"{shown}:{frame.lineno}"
