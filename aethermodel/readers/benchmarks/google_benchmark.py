"""google-benchmark's output: JSON, CSV and the table on the screen; repetitions are kept."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.benchmarks.benchmark_names import parameters_of
from aethermodel.readers.benchmarks.benchmark_table import Benchmark, benchmark_table, objects, text
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.numbers import unit_seconds
from aethermodel.readers.table import Table

NAME = "google-benchmark"

_AGGREGATE = re.compile(r"_(mean|median|stddev|cv|BigO|RMS|min|max)$")
# What the name says about how it was run, and not about what.
_RUN = re.compile(
    r"/(repeats|repetitions|iterations|min_time|min_warmup_time):[^/]*|/(real_time|process_time"
    r"|manual_time)\b"
)
_SCREEN = re.compile(
    r"^(?P<name>\S.*?)\s+(?P<real>[\d.e+]+) (?P<unit>ns|us|ms|s)\s+(?P<cpu>[\d.e+]+) (?:ns|us|ms|s)"
    r"\s+(?P<iterations>\d+)"
)
_HEAD = re.compile(r"(?m)^Benchmark\s+Time\s+CPU\s+Iterations")
_CSV = "name,iterations,real_time,cpu_time,time_unit"


def recognises(document: Document) -> bool:
    """Whether it is an object of benchmarks with real times, or one of its two tables."""
    value = document.json
    if isinstance(value, dict):
        return "context" in value and any(
            "real_time" in each or "error_occurred" in each or "run_name" in each
            for each in objects(value.get("benchmarks"))
        )
    return not document.is_json and bool(_HEAD.search(document.text) or _CSV in document.text)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each repetition, with its real time and its processor's."""
    notes = Notes()
    if document.json is not None:
        found = list(enumerate(objects(_dict(document.json).get("benchmarks")), 1))
    elif _CSV in document.text:
        found = list(_csv_rows(document.lines))
    else:
        found = list(_screen_rows(document.lines, notes))
    if not found:
        raise InputError(document.json_fault if document.is_json else "a table without rows")
    # One name for all: with it parameters are told from what stays the same.
    rows = [(number, each, _name(each)) for number, each in found]
    said = iter(parameters_of([name for _, each, name in rows]))
    benchmarks: dict[tuple[str, int], Benchmark] = {}
    for number, each, _ in rows:
        named = next(said)
        why = _unusable(each)
        if why:
            if why != "aggregate":
                notes.add(f"{why}: left out", number)
            continue
        scale = unit_seconds(text(each.get("time_unit", "ns")))
        times = {
            key: value * scale
            for key in ("real_time", "cpu_time")
            if (value := _number(each.get(key))) is not None
        }
        if text(each.get("label")):
            times["label"] = text(each["label"])  # type: ignore[assignment]
        benchmarks[(named.family, number)] = Benchmark(
            named.family, named.parameters, [times], number
        )
    return benchmark_table(
        list(benchmarks.values()),
        notes,
        row_word="result" if document.json is not None else "line",
        time="real_time",
        units={"real_time": "s", "cpu_time": "s"},
    )


def _name(each: dict[str, Any]) -> str:
    """Return the name of a run, without what says how it was run or what was made of it."""
    name = text(each.get("run_name")) or text(each.get("name"))
    if each.get("run_type") != "iteration" and not each.get("run_name"):
        name = _AGGREGATE.sub("", name)
    name = _RUN.sub("", name)
    threads = each.get("threads")
    if isinstance(threads, int) and threads != 1 and "/threads:" not in name:
        name = f"{name}/threads:{threads}"
    return name


def _unusable(each: dict[str, Any]) -> str:
    if each.get("error_occurred") in (True, "true") or text(each.get("error_message")):
        return f"failed: {quoted(text(each.get('error_message')))}"
    if each.get("run_type") == "aggregate" or _AGGREGATE.search(text(each.get("name"))):
        return "aggregate"
    if _number(each.get("real_time")) is None:
        return "no real time"
    return ""


def _csv_rows(lines: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(_CSV):
            header = line.split(",")
        elif header and line.strip():
            try:
                cells = next(csv.reader([line]))
            except (csv.Error, StopIteration):
                cells = []
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            else:
                yield number, {"name": cells[0] if cells else ""}


def _screen_rows(lines: list[str], notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    begun = False
    for number, line in enumerate(lines, 1):
        if _HEAD.match(line):
            begun = True
            continue
        if not begun or not line.strip() or set(line.strip()) == {"-"}:
            continue
        found = _SCREEN.match(line)
        if found:
            yield (
                number,
                {
                    "name": found["name"],
                    "real_time": found["real"],
                    "cpu_time": found["cpu"],
                    "time_unit": found["unit"],
                },
            )
        elif " ERROR OCCURRED: " in line:
            name, _, why = line.partition(" ERROR OCCURRED: ")
            yield number, {"name": name.strip(), "error_message": why.strip(" '")}
        elif not _AGGREGATE.search(line.split()[0]):
            notes.add("no row of the table: left out", number)


def _number(value: Any) -> float | None:
    try:
        return float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
