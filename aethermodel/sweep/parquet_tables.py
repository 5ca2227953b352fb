"""Parquet tables of a store: one row a point, one row a sample."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from aethermodel.calibrate.predict.all_samples import all_samples
from aethermodel.output_files import replacing
from aethermodel.sweep.column_names import columns_of
from aethermodel.sweep.store import Record, Store


def write_tables(store: Store) -> None:
    """Compact the store; to be called by its one writer.

    A parameter or a figure that is called as one of these columns has its own, such as
    ``parameter.seconds`` or ``figure.state``.

    ``points.parquet``: one row a finished point, failed ones included: parameters,
    ``state``, ``repeat``, ``order``, ``seconds`` (median of the samples), ``wall_seconds``,
    ``seconds_all`` (over all samples, disturbed ones included) and ``share_left_out`` (of slices,
    and of tries that were repeated), recorded figures, ``noisy``, ``tries``, ``error``, ``host``
    (what hosts of one make share), ``place`` (which of them), ``key``.
    ``samples.parquet``: as `aethermodel.measure.sampling.sampler.take_samples` gives them, with
    ``point`` (the key), the sweep's ``order``, and its repeat as ``process``.
    """
    records = store.records()
    samples = [row for record in records for row in _sample_rows(record)]
    if samples:
        _write(store.folder / "samples.parquet", samples, store)
    _write(store.folder / "points.parquet", [_point_row(r) for r in records], store)


def _sample_rows(record: Record) -> list[dict[str, Any]]:
    # A row's own repeat counts the samples in its child; the sweep's repeat tells the
    # server, and with it address layout and hash seed.
    about = {"process": record.repeat, "order": record.order, "point": record.key}
    about["host"] = record.conditions.host
    rows = []
    for sample in record.outcome.samples:
        own = {"probe": record.target, **sample, **about}
        rows.append({**columns_of("parameter", record.parameters, own), **own})
    return rows


def _point_row(record: Record) -> dict[str, Any]:
    o = record.outcome
    seconds = median(o.sample_seconds) if o.samples else None
    every = _every(record) if o.samples else (None, None)
    own = {
        "target": record.target,
        "state": o.state,
        "repeat": record.repeat,
        "order": record.order,
        "seconds": seconds,
        "seconds_all": every[0],
        "share_left_out": every[1],
        "wall_seconds": o.seconds,
        "disturbed": o.disturbed,
        "noisy": record.noisy,
        "tries": record.tries,
        "error": o.error,
        "started": record.started,
        "ended": record.ended,
        "place": record.place,
        "host": record.conditions.host,
        "code": record.conditions.code,
        "key": record.key,
    }
    figures = columns_of("figure", o.figures, own.keys() | record.parameters.keys())
    return {**columns_of("parameter", record.parameters, own), **figures, **own}


def _every(record: Record) -> tuple[float, float]:
    """Seconds over all samples, and the share left out; of repeated tries only the last is kept."""
    import pandas as pd

    samples = pd.DataFrame(record.outcome.samples).assign(point=0, final=True)
    found = all_samples(samples, ["point"]).iloc[0]
    kept = (1 - float(found["share_left_out"])) / max(record.tries, 1)
    return float(found["seconds_all"]), 1 - kept


def _column(values: Iterable[Any]) -> pa.Array:
    listed = list(values)
    try:
        return pa.array(listed)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # an axis of several types
        return pa.array([None if v is None else json.dumps(v) for v in listed])


def _write(path: Path, rows: list[dict[str, Any]], store: Store) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: _column(row.get(name) for row in rows) for name in names})
    about = {"aethermodel.sweep": (store.folder / "sweep.json").read_text("utf-8")}
    with replacing(path) as file:
        parquet.write_table(table.replace_schema_metadata(about), file)
