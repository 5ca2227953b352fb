"""pyperf's JSON, whose runs are processes; nanobench writes it, too."""

from __future__ import annotations

from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
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

NAME = "pyperf"

_TIME = "value"


def recognises(document: Document) -> bool:
    """Whether it is an object of benchmarks that consist of runs."""
    value = document.json
    return isinstance(value, dict) and any(
        "runs" in each for each in objects(value.get("benchmarks"))
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each value of each run; calibrations and warm-ups are no values."""
    content = document.json
    if not isinstance(content, dict):
        raise InputError(document.json_fault or "no object of benchmarks")
    notes = Notes()
    common = content.get("metadata")
    benchmarks = []
    for number, each in enumerate(objects(content.get("benchmarks")), 1):
        about = _about(common, each.get("metadata"))
        unit = about.get("unit", "second")
        if unit != "second":
            notes.add(f"measured in {quoted(unit)}, not in seconds: left out", number)
            continue
        cells = [
            {_TIME: value, "run": run}
            for run, values in enumerate(objects(each.get("runs")), 1)
            for value in finite_list(values.get("values")) or ()
        ]
        if not cells:
            notes.add("no run with values: left out", number)
        benchmarks.append(Benchmark(text(about.get("name")), None, cells, number))
    return benchmark_table(benchmarks, notes, time=_TIME, units={_TIME: "s"}, process="run")


def _about(*parts: Any) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for part in parts:
        known |= part if isinstance(part, dict) else {}
    return known
