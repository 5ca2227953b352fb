"""criterion.rs: raw.csv, the messages of cargo-criterion, and the text on the screen."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.benchmarks.benchmark_table import (
    Benchmark,
    benchmark_table,
    finite_list,
    is_number,
    text,
)
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.numbers import read_numbers
from aethermodel.readers.table import Table
from aethermodel.readers.tables.json_rows import lines_of_json
from aethermodel.readers.units import SECONDS, time_unit

NAME = "criterion"

_CSV = "group,function,value,throughput_num,throughput_type,sample_measured_value,unit"
_TIME = re.compile(r"^(?P<name>\S.*?)?\s+time:\s+\[(?P<times>[^\]]*)\]")
_WHOLE = ("iters", "times", "sampling_mode")


def recognises(document: Document) -> bool:
    """Whether it is one of the three, or a sample.json."""
    if document.is_json:
        value = document.json
        if isinstance(value, dict) and all(name in value for name in _WHOLE):
            return True
        if value is not None and not isinstance(value, dict):
            return False
        return '"benchmark-complete"' in document.text
    return _CSV in document.text or any(_TIME.match(line) for line in document.lines)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each sample (time by number of iterations), or one for each estimate."""
    notes = Notes()
    if isinstance(document.json, dict) and all(name in document.json for name in _WHOLE):
        raise InputError(
            "one benchmark without its size: give the folder of all of them, target/criterion, "
            "or keep what cargo bench prints"
        )
    if document.is_json:
        found = list(_messages(document, notes))
    elif _CSV in document.text:
        found = list(_csv_rows(document.lines, notes))
    else:
        found = list(_screen(document.lines, notes))
    return benchmark_table(
        found, notes, row_word="line", time="time", units={"time": "s"}, resolution="step"
    )


def _sampled(
    name: str, values: list[float], counts: list[float], unit: str, line: int
) -> Benchmark:
    scale = SECONDS[str(time_unit(unit))]
    rows = [
        {"time": value / count * scale}
        for value, count in zip(values, counts, strict=True)
        if count > 0
    ]
    return Benchmark(name, None, rows, line)


def _messages(document: Document, notes: Notes) -> Iterator[Benchmark]:
    for line, message in lines_of_json(document, notes):
        if message.get("reason") != "benchmark-complete":
            continue
        counts = finite_list(message.get("iteration_count")) or []
        values = finite_list(message.get("measured_values")) or []
        unit = text(message.get("unit"))
        if not values or len(counts) != len(values) or not time_unit(unit):
            notes.add("no samples in a unit of time: left out", line)
            continue
        yield _sampled(text(message.get("id")), values, counts, unit, line)


def _csv_rows(lines: list[str], notes: Notes) -> Iterator[Benchmark]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(_CSV):
            continue
        try:
            cells = next(csv.reader([line]))
        except (csv.Error, StopIteration):
            cells = []
        numbers = read_numbers(cells if len(cells) == 8 else []).values
        if len(cells) != 8 or not time_unit(cells[6]) or not numbers[7] > 0:
            notes.add("no sample in a unit of time: left out", number)
            continue
        seconds = numbers[5] / numbers[7] * SECONDS[str(time_unit(cells[6]))]
        name = "/".join(filter(None, cells[:2]))
        known: dict[str, Any] | None = {"n": cells[2]} if is_number(cells[2]) else None
        if known is None:
            name = "/".join(filter(None, (name, cells[2])))
        yield Benchmark(name, known, [{"time": float(seconds)}], number)


def _screen(lines: list[str], notes: Notes) -> Iterator[Benchmark]:
    """Yield the estimates: the middle one of three, between the ends of its interval."""
    above = ""
    for number, line in enumerate(lines, 1):
        found = _TIME.match(line)
        if not found:
            if line.strip() and not line.startswith((" ", "Benchmarking", "Found")):
                above = line.strip()  # a long name has a line of its own
            continue
        words = found["times"].split()
        name = (found["name"] or above).strip()
        if len(words) != 6 or not time_unit(words[3]) or not name:
            notes.add(f"{quoted(found['times'])} are no three times: left out", number)
            continue
        numbers = read_numbers([words[2]])
        scale = SECONDS[str(time_unit(words[3]))]
        step = numbers.steps[0] * scale if numbers.steps is not None else None
        yield Benchmark(
            name, None, [{"time": float(numbers.values[0] * scale), "step": step}], number
        )
