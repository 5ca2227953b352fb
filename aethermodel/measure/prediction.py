"""What the model says of the benchmark's rows: terms from their own probes, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from aethermodel.calibrate.calibration import Calibration, Conditions
from aethermodel.calibrate.fits import fit_term
from aethermodel.measure.calibrating import now
from aethermodel.measure.host import this_host
from aethermodel.measure.rows import LABELS, Row
from aethermodel.measure.runner import EventLoop
from aethermodel.measure.sampling import Plan, Point
from cython_core.router import switch_size

if TYPE_CHECKING:
    from aethermodel.measure.pipeline import PipelineBench

_PREDICTED = ("loopback", "shm", "tcp")


def term_plan(bench: PipelineBench) -> Plan:
    """Return what calibrates the terms of the benchmark's rows; none is at its batch size."""
    n, topics = bench.batch_size, bench.topics
    sizes = sorted({max(1, n // 4), max(2, n // 2) + (n == 4), 2 * n + 1, 4 * n + 1} - {n})
    counts = sorted({1, max(2, topics // 2), topics} | {2})
    points = [
        *(_point("kernel", batch_size=m, topics=topics, pool=1) for m in sizes),
        *(_point("ffi", batch_size=m, topics=topics, pool=1) for m in sizes[:2]),
    ]
    for loop in bench.event_loops:
        for calls in counts:
            for producer in (True, False):
                points.append(_point("bus_loop", event_loop=loop, calls=calls, producer=producer))
            points.append(
                _point("bus_loop", event_loop=loop, calls=calls, dispatch="bare", producer=False)
            )
        for kind in _predicted_kinds(bench):
            settings = {"event_loop": loop, "fabric": kind, "checked": True, "topics": topics}
            points += [_point("fabric", batch_size=m, **settings) for m in sizes]
    # Each process samples every term: three show how much they differ.
    processes = min(bench.repeats, 3)
    return Plan(points=tuple(points), processes=processes, repeats=2, seed=bench.seed)


def with_predictions(
    table: pd.DataFrame, samples: pd.DataFrame, bench: PipelineBench
) -> pd.DataFrame:
    """Put the prediction and its error beside every row that the model covers.

    The prediction is the consumer's time: it holds where the producer is not the slower
    of the two, which ``producer_share`` (near 1 where it is) tells.
    """
    table = table.copy()
    columns = ["predicted_per_second", "predicted_low", "predicted_high", "error"]
    for column in columns:
        table[column] = float("nan")
    for at, row in zip(table.index, bench.rows(), strict=True):
        if row.kind not in _PREDICTED:
            continue
        found = calibration_of(row, samples).predict([row.batch_size])
        rates = [row.batch_size / float(s[0]) for s in (found.seconds, found.high, found.low)]
        table.loc[at, columns[:3]] = rates
        table.loc[at, "error"] = rates[0] / table.loc[at, "throughput_per_second"] - 1
    table.attrs["dispatch"] = [dispatch_cost(samples, loop) for loop in bench.event_loops]
    return table


def calibration_of(row: Row, samples: pd.DataFrame) -> Calibration:
    """Fit the terms that hold for one row: its loop, its fabric, its working set."""
    loop = samples["event_loop"] == row.event_loop
    bus = (samples["probe"] == "bus_loop") & (samples["dispatch"] == "bus") & loop
    ticks = samples[bus & (samples["producer"] == (row.kind == "loopback"))]
    own = pd.concat(
        [
            samples[samples["probe"].isin(["kernel", "ffi"])],
            samples[(samples["probe"] == "fabric") & loop & (samples["fabric"] == row.kind)],
            ticks.assign(probe="loop"),
        ]
    )
    host = this_host().model_dump(mode="json")
    conditions = Conditions(
        topics=row.topics,
        pool=1,  # the check has just read the batch that is routed
        event_loop=row.event_loop,
        fabric=LABELS[row.kind],
        cache_bytes=host["cache_bytes"],
        switch=switch_size(row.topics),
    )
    return Calibration.from_samples(own, host, conditions, now())


def dispatch_cost(samples: pd.DataFrame, loop: EventLoop) -> dict[str, Any]:
    """Return what the bus adds to the bare loop, a tick and a handler call."""
    fits = {}
    for dispatch in ("bus", "bare"):
        rows = samples[
            (samples["probe"] == "bus_loop")
            & samples["final"]
            & (samples["event_loop"] == loop)
            & (samples["dispatch"] == dispatch)
            & (samples["producer"] == False)  # noqa: E712 - a column, not a truth
        ]
        fit = fit_term(rows["calls"], rows["seconds"], forms=("affine",))
        fits[dispatch] = {name: p.value for name, p in fit.parameters.items()}
    return {
        "event_loop": loop,
        "tick_seconds": fits["bus"].get("c0", 0.0) - fits["bare"].get("c0", 0.0),
        "call_seconds": fits["bus"].get("c1", 0.0) - fits["bare"].get("c1", 0.0),
    }


def _predicted_kinds(bench: PipelineBench) -> list[str]:
    return [kind for kind in _PREDICTED if kind in bench.kinds]


def _point(probe: str, **settings: Any) -> Point:
    return Point(probe=probe, settings=settings)
