"""Terms of each row of the pipeline benchmark, from probes of each stage alone."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.bench.pipeline.rows import Row, fabric_of_row
from aethermodel.calibrate.calibration.calibration import Calibration, Conditions
from aethermodel.calibrate.calibration.refill_law import fit_refill, growth_of
from aethermodel.calibrate.term_fit.fit_term import TermFit, fit_term
from aethermodel.fabrics import FABRICS
from aethermodel.kernel_facts import switch_size
from aethermodel.measure.campaign.calibrate import now
from aethermodel.measure.harness.event_loops import EventLoop
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.host.rdma_devices import label_here
from aethermodel.measure.probes.singly import PARTS
from aethermodel.published.specification import load_specification

Composition = Literal["serial", "pipelined"]


class RowPrediction(NamedTuple):
    """A row's time.

    Attributes
    ----------
    seconds, low, high : float
        A batch, and the 95 % interval of its mean.
    composition : {"serial", "pipelined"}
        The terms' sum, or the longest of the stages that run side by side.
    binding : {"producer", "consumer", "both"}
        The stage that sets the time; ``both`` where one process is both.
    """

    seconds: float
    low: float
    high: float
    composition: Composition
    binding: str


def predict_row(row: Row, samples: pd.DataFrame, cores: int) -> RowPrediction:
    """Predict a row from the probes' samples; none of them is of a row.

    Parameters
    ----------
    row : Row
    samples : pandas.DataFrame
        As `aethermodel.bench.pipeline.prediction.term_plan` has them taken.
    cores : int
        That the two processes of a row may run on: on one they take turns.

    Raises
    ------
    ValueError
        If a term cannot be fitted.
    """
    final = samples[samples["final"]]
    if row.kind == "naive":
        return _naive(row, final)
    if row.kind == "mocked":
        return _mocked(row, final)
    if row.fused:
        consumer = _fused(row, final)
    else:
        known = calibration_of(row, samples)
        if known.warnings:  # a sum without one of its terms is no prediction
            raise ValueError(known.warnings[0])
        found = known.predict([row.batch_size])
        consumer = (float(found.seconds[0]), float(found.low[0]), float(found.high[0]))
    if row.kind == "loopback":
        return RowPrediction(*consumer, "serial", "both")
    sends = final[(final["probe"] == "send") & (final["fabric"] == row.crossing)]
    sends = sends[sends["event_loop"] == drained_on(row)]
    producer = _at(_fit(sends, "batch_size", ("constant", "affine")), row.batch_size)
    if cores < 2:
        return RowPrediction(*_sum([consumer, producer]), "serial", "both")
    binding = "producer" if producer[0] > consumer[0] else "consumer"
    # Eight batches fit between the two, so that in the steady state the slower sets the pace.
    seconds, low, high = (max(pair) for pair in zip(producer, consumer, strict=True))
    return RowPrediction(seconds, low, high, "pipelined", binding)


def drained_on(row: Row) -> EventLoop:
    """Return the loop of the consumer that a row's producer is timed with: a ring needs none."""
    port = row.crossing is not None and FABRICS[row.crossing].opening == "port"
    return row.event_loop if port else "asyncio"


def calibration_of(row: Row, samples: pd.DataFrame) -> Calibration:
    """Fit the consumer's terms for one row: its loop, its fabric, its working set."""
    loop = samples["event_loop"] == row.event_loop
    bus = (samples["probe"] == "bus_loop") & (samples["calls"] > 0) & loop
    ticks = samples[bus & (samples["producer"] == (row.kind == "loopback"))]
    own = pd.concat(
        [
            samples[samples["probe"].isin(["kernel", "ffi"]) & (samples["company"] == row.crosses)],
            samples[_hops(row, samples)],
            samples[_refills(row, samples)],
            ticks.assign(probe="loop"),
        ]
    )
    host = this_host().model_dump(mode="json")
    return Calibration.from_samples(own, host, _conditions(row), now())


def _conditions(row: Row) -> Conditions:
    return Conditions(
        topics=row.topics,
        pool=1,  # the check has just read the batch that is routed
        event_loop=row.event_loop,
        fabric=label_here(fabric_of_row(row.kind).name),
        cache_bytes=this_host().cache_bytes,
        switch=switch_size(row.topics, row.record_bytes),
        record_bytes=row.record_bytes,
    )


def _naive(row: Row, final: pd.DataFrame) -> RowPrediction:
    """Add the parts of one message, and take as many as a batch has."""
    parts = []
    for part in PARTS:
        own = (final["probe"] == "singly") & (final["part"] == part)
        rows = final[own & (final["event_loop"] == row.event_loop)]
        parts.append(_at(_fit(rows, "topics", ("constant",)), row.topics))
    seconds, low, high = (row.batch_size * each for each in _sum(parts))
    return RowPrediction(seconds, low, high, "serial", "both")


def _fused(row: Row, final: pd.DataFrame) -> tuple[float, float, float]:
    """Add a tick that calls every handler to what fabric, kernel and its call take in one."""
    loop = final["event_loop"] == row.event_loop
    ticks = final[(final["probe"] == "bus_loop") & (final["calls"] > 0) & loop]
    around = [
        _at(_fit(ticks[ticks["producer"].eq(False)], "calls", ("affine",)), row.topics),
        _at(_fit(final[_hops(row, final)], "batch_size", ("affine",)), row.batch_size),
    ]
    swept = final[_refills(row, final)]
    fills = _conditions(row).fills()
    fit = fit_refill(swept["batch_size"], swept["seconds"], fills, swept["process"].tolist())
    grown = growth_of(fit, np.array([float(row.batch_size)]), thresholds.LEVEL, "mean")
    return _sum([*around, (float(grown.mean[0]), float(grown.low[0]), float(grown.high[0]))])


def _refills(row: Row, samples: pd.DataFrame) -> pd.Series:
    """Whether each sample is of a tick after a sweep, beside a busy core where the row has one."""
    own = (samples["probe"] == "refill") & (samples["event_loop"] == row.event_loop)
    return own & (samples["company"] == row.crosses)


def _hops(row: Row, samples: pd.DataFrame) -> pd.Series:
    """Whether each sample is of the row's receiving side."""
    own = (samples["probe"] == "fabric") & (samples["event_loop"] == row.event_loop)
    own &= samples["fabric"] == (row.crossing or "loopback")
    return own & (samples["routed"] == row.fused)


def _mocked(row: Row, final: pd.DataFrame) -> RowPrediction:
    """Add the core's time, which is specified, to the probed loop and fabric around it."""
    p = load_specification().parameters
    core = p["t_ffi"].value + p["t_kernel"].value * row.batch_size
    loop = final["event_loop"] == row.event_loop
    ticks = final[(final["probe"] == "bus_loop") & (final["calls"] == 0) & loop]
    hops = final[_hops(row, final)]
    around = [
        _at(_fit(ticks, "batch_size", ("constant",)), row.batch_size),
        _at(_fit(hops, "batch_size", ("constant", "affine")), row.batch_size),
    ]
    return RowPrediction(*_sum([(core, core, core), *around]), "serial", "both")


def _fit(rows: pd.DataFrame, by: str, forms: Any) -> TermFit:
    return fit_term(
        rows[by].to_numpy(float),
        rows["seconds"].to_numpy(float),
        forms=forms,
        group=rows["process"].to_numpy(),
    )


def _at(fit: TermFit, n: float) -> tuple[float, float, float]:
    mean, low, high = fit.predict([n])
    return float(mean[0]), float(low[0]), float(high[0])


def _sum(parts: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Add terms; their intervals, of independent fits, in quadrature."""
    table = np.array(parts)
    mean = float(table[:, 0].sum())
    below = float(np.hypot.reduce(table[:, 0] - table[:, 1]))
    above = float(np.hypot.reduce(table[:, 2] - table[:, 0]))
    return mean, mean - below, mean + above
