"""Prediction of each row of the pipeline benchmark, and the probes that it needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import isnan
from typing import Any, Protocol

import pandas as pd

from aethermodel.bench.pipeline.rows import Row
from aethermodel.bench.pipeline.term_plan import drained_on, predict_row
from aethermodel.fabrics import Fabric
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.event_loops import EventLoop
from aethermodel.measure.probes.singly import PARTS
from aethermodel.measure.sampling.sampler import Plan, Point, calm_plan
from cython_core import simd_variant

_RATES = ["predicted_per_second", "predicted_low", "predicted_high", "error"]
_WORDS = ["composition", "binding", "why"]


class _Rows(Protocol):
    """What is predicted: `aethermodel.bench.pipeline.measurement.PipelineBench` has it."""

    @property
    def batch_size(self) -> int: ...
    @property
    def topics(self) -> int: ...
    @property
    def record_bytes(self) -> int: ...
    @property
    def event_loops(self) -> Sequence[EventLoop]: ...
    @property
    def kinds(self) -> Sequence[str]: ...
    @property
    def repeats(self) -> int: ...
    @property
    def seed(self) -> int: ...
    def rows(self) -> Sequence[Row]: ...


def term_plan(bench: _Rows) -> Plan:
    """Return what calibrates the terms of the benchmark's rows; none is at its batch size."""
    n, topics = bench.batch_size, bench.topics
    size = {} if bench.record_bytes == EVENT_BYTES else {"record_bytes": bench.record_bytes}
    # Asked at one size alone, a law is taken near it: it bends where a memory level fills.
    sizes = _sizes_of_hop("loopback", n)
    handlers = max(2, topics)  # a law of the calls needs two counts of them
    counts = sorted({1, 2, max(1, handlers // 2), handlers})
    rows = [row for row in bench.rows() if row.kind != "naive" and not row.peer]
    # Of rows that are the sum of their terms: whether another core is busy meanwhile.
    summed = sorted({row.crosses for row in rows if row.kind != "mocked" and not row.fused})
    points = [
        _point(probe, company, batch_size=m, topics=topics, pool=1, **size)
        for company in summed
        for probe, at in (("kernel", sizes), ("ffi", sizes[:2]))
        for m in at
    ]
    for fabric, loop in dict.fromkeys((row.crossing, drained_on(row)) for row in rows):
        if fabric:
            sends: dict[str, Any] = {"fabric": fabric, "event_loop": loop, "topics": topics, **size}
            points += [_point("send", batch_size=m, **sends) for m in _sizes_of_hop(fabric, n)]
    for loop in bench.event_loops:
        for company in sorted({row.crosses for row in rows if row.kind != "mocked"}):
            own: dict[str, Any] = {"bus": True, "producer": not company, **size}
            points += [
                _point("refill", company, event_loop=loop, topics=topics, batch_size=m, **own)
                for m in sorted({1, *sizes} - {n})
            ]
        for calls in counts:
            for producer in (True, False):
                points.append(_tick(loop, handlers, calls, producer=producer, **size))
        if "mocked" in bench.kinds:
            alone: dict[str, Any] = {"event_loop": loop, "calls": 0}
            points += [_point("bus_loop", batch_size=m, **alone) for m in sizes[:2]]
        if "naive" in bench.kinds:
            for part in PARTS:
                for count in sorted({max(1, topics // 2), topics, 2}):
                    points.append(_point("singly", event_loop=loop, part=part, topics=count))
        for hop, fused in dict.fromkeys((row.crossing or "loopback", row.fused) for row in rows):
            settings: dict[str, Any] = {
                "event_loop": loop,
                "fabric": hop,
                "checked": True,
                "topics": topics,
                **size,
            }
            near = _sizes_of_hop(hop, n)
            points += [_point("fabric", batch_size=m, routed=fused, **settings) for m in near]
    return calm_plan(points, bench.repeats, repeats=2, seed=bench.seed)


def with_predictions(
    table: pd.DataFrame, samples: pd.DataFrame | None, bench: _Rows
) -> pd.DataFrame:
    """Add the prediction and its error to every row.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a row of `bench`.
    samples : pandas.DataFrame or None
        Of `term_plan`; None: nothing was asked for.
    bench : PipelineBench

    Returns
    -------
    pandas.DataFrame
        With ``predicted_per_second``, its 95 % interval ``predicted_low`` and
        ``predicted_high``, ``error`` (against ``alone_per_second``, or ``calm_per_second`` where
        that is nan: where both are, no run tells whether the model is right, and it is nan), and
        how it came about: ``composition`` and ``binding`` as `RowPrediction` has them. Where there
        is none these are nan and empty, and ``why`` says why.
    """
    table = table.copy()
    table[_RATES] = float("nan")
    for column in _WORDS:
        table[column] = ""
    if samples is None:
        return table.assign(why="not asked for")
    cores = len(os.sched_getaffinity(0))
    for at, row in zip(table.index, bench.rows(), strict=True):
        if row.peer:
            table.loc[at, "why"] = "a peer is not modelled"
            continue
        if row.simd not in (None, simd_variant()):
            table.loc[at, "why"] = f"the terms were timed as {simd_variant()}"
            continue
        try:
            found = predict_row(row, samples, cores)
        except ValueError as error:
            table.loc[at, "why"] = str(error)
            continue
        rates = [row.batch_size / s if s else float("inf") for s in found[:3]]
        # The terms are what the cores take when they are left alone.
        calm, alone = table.loc[at, ["calm_per_second", "alone_per_second"]]
        measured = float(calm if isnan(alone) else alone)
        table.loc[at, _RATES] = [rates[0], rates[2], rates[1], rates[0] / measured - 1]
        table.loc[at, ["composition", "binding"]] = [found.composition, found.binding]
    return table


def _sizes_of_hop(fabric: Fabric, n: int) -> list[int]:
    """Return the sizes that a fabric's terms are sampled at, around `n` and without it.

    What the kernel copies is in the processor's caches as long as two batches fit there, and as
    long as the other side empties a connection sooner than it fills; the law bends where they do
    not, which is not to lie between the samples and the size asked for.
    """
    if fabric == "tcp":
        near = (3 * n // 4, 7 * n // 8, 9 * n // 8 + 1, 5 * n // 4 + 2)
    else:
        near = (n // 2, 3 * n // 4, 3 * n // 2 + 1, 2 * n + 1)
    return sorted({max(1, size) for size in near} - {n})


def _tick(loop: EventLoop, topics: int, calls: int, **settings: Any) -> Point:
    # The loop of a bus without a producer in it is that of two processes.
    company = not settings["producer"]
    return _point("bus_loop", company, event_loop=loop, topics=topics, calls=calls, **settings)


def _point(probe: str, company: bool = False, **settings: Any) -> Point:
    return Point(probe=probe, settings=settings, company=company)
