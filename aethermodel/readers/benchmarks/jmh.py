"""JMH's results: JSON with every iteration of every fork, CSV, and the table on the screen."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from typing import Any

from aethermodel.inputs.refusals import quoted
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
from aethermodel.readers.numbers import read_numbers
from aethermodel.readers.table import Table
from aethermodel.readers.units import SECONDS, time_unit

NAME = "jmh"

_HEAD = re.compile(
    r"^Benchmark((?:\s+\(\w+\))*)\s+Mode\s+(?:Cnt|Samples)\s+Score\s+(?:Error|Score error)"
    r"\s+Units\s*$"
)
_CSV = '"Benchmark","Mode","Threads","Samples","Score"'


def recognises(document: Document) -> bool:
    """Whether it is a list of benchmarks with primary metrics, or one of its tables."""
    if document.json is not None:
        return any("primaryMetric" in each for each in objects(document.json))
    if document.is_json:
        return False
    return _CSV in document.text or any(_HEAD.match(line) for line in document.lines)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each iteration, with its fork as process; or one for each score."""
    notes = Notes()
    if document.json is not None:
        benchmarks = [
            benchmark
            for number, each in enumerate(objects(document.json), 1)
            for benchmark in _of_json(each, number, notes)
        ]
    elif _CSV in document.text:
        benchmarks = list(_of_csv(document.lines, notes))
    else:
        benchmarks = list(_of_screen(document.lines, notes))
    raw = any("fork" in cells for each in benchmarks for cells in each.cells)
    return benchmark_table(
        benchmarks,
        notes,
        row_word="result" if document.json is not None else "line",
        time="score",
        units={"score": "s"},
        resolution="" if raw else "step",
        spread="" if raw else "spread",
        repeats="" if raw else "repeats",
        process="fork" if raw else "",
    )


def seconds(score: float, unit: str) -> float | None:
    """Return the time of an operation by a score in ``us/op`` or ``ops/ms``; None for others."""
    above, _, below = unit.partition("/")
    if below in ("op", "invocation") and time_unit(above):
        return score * SECONDS[str(time_unit(above))]
    if above == "ops" and time_unit(below) and score:
        return SECONDS[str(time_unit(below))] / score
    return None


def _of_json(each: dict[str, Any], number: int, notes: Notes) -> Iterator[Benchmark]:
    metric = each.get("primaryMetric")
    metric = metric if isinstance(metric, dict) else {}
    unit = text(metric.get("scoreUnit"))
    raw = metric.get("rawData")
    forks = [finite_list(values) or [] for values in raw] if isinstance(raw, list) else []
    if any(forks):
        scores = [(value, fork) for fork, values in enumerate(forks, 1) for value in values]
        cells = [{"score": seconds(value, unit), "fork": fork} for value, fork in scores]
    else:
        (score,) = read_numbers([metric.get("score")]).values
        cells = [{"score": seconds(float(score), unit)}]
    if all(row["score"] is None for row in cells):
        notes.add(f"a score in {quoted(unit)} is no time: left out", number)
        return
    parameters = each.get("params")
    known = {str(k): v for k, v in parameters.items()} if isinstance(parameters, dict) else {}
    labels = {"mode": text(each.get("mode"))}
    if each.get("threads") not in (None, 1):
        known["threads"] = each["threads"]
    yield Benchmark(text(each.get("benchmark")), known or None, cells, number, labels)


def _of_csv(lines: list[str], notes: Notes) -> Iterator[Benchmark]:
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(_CSV):
            header = [name.strip('"') for name in line.split('","')]
            continue
        if not header or not line.strip():
            continue
        try:
            cells = next(csv.reader([line]))
        except (csv.Error, StopIteration):
            cells = []
        if len(cells) != len(header):
            notes.add("cut off: left out", number)
            continue
        row = dict(zip(header, cells, strict=True))
        known = {
            name.removeprefix("Param: "): cell
            for name, cell in row.items()
            if name.startswith("Param: ")
        }
        error = next((cell for name, cell in row.items() if name.startswith("Score Error")), "")
        yield from _of_score(
            row.get("Benchmark", ""), row.get("Mode", ""), known, row.get("Samples", ""),
            row.get("Score", ""), error, row.get("Unit", ""), number, notes,
        )  # fmt: skip


def _of_screen(lines: list[str], notes: Notes) -> Iterator[Benchmark]:
    names: list[str] | None = None
    for number, line in enumerate(lines, 1):
        head = _HEAD.match(line)
        if head:
            names = re.findall(r"\((\w+)\)", head[1])
            continue
        words = line.replace("±", " ").replace("≈", " ").split()
        if names is None or not words:
            continue
        # Of a single iteration neither count nor error is written.
        name, *rest = words
        known = dict(zip(names, rest, strict=False))
        mode, *scores = rest[len(names) :] or [""]
        if len(scores) == 4:
            count, score, error, unit = scores
        elif len(scores) == 3:
            (count, score, unit), error = scores, ""
        elif len(scores) == 2:
            (score, unit), count, error = scores, "1", ""
        else:
            notes.add("no row of the table: left out", number)
            continue
        if ":" in name:  # a percentile of a sample, or a secondary result
            notes.add("a secondary result: left out", number)
            continue
        yield from _of_score(name, mode, known, count, score, error, unit, number, notes)


def _of_score(
    name: str, mode: str, parameters: dict[str, str], count: str, score: str, error: str,
    unit: str, number: int, notes: Notes,
) -> Iterator[Benchmark]:  # fmt: skip
    # JMH groups no digits: a comma is its language's decimal one.
    numbers = read_numbers([cell.replace(",", ".") for cell in (score, error, count)])
    value, half, samples = numbers.values
    time = seconds(float(value), unit)
    if time is None or math.isnan(time):
        notes.add(f"a score of {quoted(score)} {quoted(unit)} is no time: left out", number)
        return
    share = time / float(value) if value else 0.0
    step = float(numbers.steps[0]) if numbers.steps is not None else float("nan")
    cells = {
        "score": time,
        "step": share * step,
        "spread": share * _deviation(float(half), float(samples)),
        "repeats": float(samples),
    }
    # An infinite number of labels is as good as one: "N/A" stands where there is no parameter.
    known = {key: cell for key, cell in parameters.items() if cell not in ("", "N/A")}
    yield Benchmark(name, known or None, [cells], number, {"mode": mode})


def _deviation(half: float, samples: float) -> float:
    """Return the standard deviation behind JMH's error, half an interval of 99.9 % of the mean."""
    if not (half >= 0 and 2 <= samples < 1e9):
        return float("nan")
    from scipy.special import stdtrit

    return float(half * samples**0.5 / stdtrit(samples - 1, 0.9995))
