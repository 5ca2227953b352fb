"""pytest-benchmark's JSON: rounds where they were saved, else mean and standard deviation."""

from __future__ import annotations

from typing import Any

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.benchmarks.benchmark_table import (
    Benchmark,
    benchmark_table,
    finite_list,
    objects,
    text,
)
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "pytest-benchmark"

_ROUND, _MEAN = "round", "mean"
_STATISTICS = ("min", "max", _MEAN, "stddev", "median", "iqr", "q1", "q3", "hd15iqr", "ld15iqr")


def recognises(document: Document) -> bool:
    """Whether it is an object of benchmarks with stats and a full name."""
    value = document.json
    return isinstance(value, dict) and any(
        "stats" in each and "fullname" in each for each in objects(value.get("benchmarks"))
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each round, or one for each benchmark."""
    content = document.json
    if not isinstance(content, dict):
        raise InputError(document.json_fault or "no object of benchmarks")
    notes = Notes()
    benchmarks = []
    found = list(objects(content.get("benchmarks")))
    saved = not asked.time and all(finite_list(_dict(e.get("stats")).get("data")) for e in found)
    saved |= asked.time == _ROUND
    for number, each in enumerate(found, 1):
        stats = _dict(each.get("stats"))
        cells: list[dict[str, Any]] = [{key: stats.get(key) for key in (*_STATISTICS, "rounds")}]
        if saved:
            cells = [{_ROUND: value} for value in finite_list(stats.get("data")) or ()]
        if not stats or not cells:
            notes.add("no stats: left out", number)
            continue
        parameters = each.get("params")
        # What JSON could not hold stands there as a text that says so.
        known = {k: v for k, v in _dict(parameters).items() if isinstance(v, str | int | float)}
        name = text(each.get("name"))
        benchmarks.append(
            Benchmark(
                name.partition("[")[0] if known else name,
                known or None,
                cells,
                number,
                {"group": text(each.get("group"))} if each.get("group") else {},
            )
        )
    times = (_ROUND,) if saved else _STATISTICS
    spread = {} if saved else {"spread": "stddev", "repeats": "rounds"}
    return benchmark_table(
        benchmarks,
        notes,
        time=times[0] if saved else _MEAN,
        units=dict.fromkeys(times, "s"),
        **spread,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
