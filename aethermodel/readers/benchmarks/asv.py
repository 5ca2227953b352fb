"""asv's result files: samples where they were recorded, else the result with its quartiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

from aethermodel.inputs.refusals import InputError
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
from aethermodel.readers.table import Table

NAME = "asv"

_TIMED = ("time_", "timeraw_")
#: Quartiles of a normal distribution are so many standard deviations apart.
_QUARTILES = 1.349
_MOST_COMBINATIONS = 100_000


def recognises(document: Document) -> bool:
    """Whether it is an object of results of a commit."""
    value = document.json
    return (
        isinstance(value, dict)
        and isinstance(value.get("results"), dict)
        and ("commit_hash" in value or "result_columns" in value)
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each sample; parameters have no names in such a file."""
    content = document.json
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise InputError(document.json_fault or "no object of results")
    columns = content.get("result_columns")
    notes = Notes()
    benchmarks = []
    recorded = []
    for number, (name, entry) in enumerate(content["results"].items(), 1):
        if not name.rpartition(".")[2].startswith(_TIMED):
            notes.add("no benchmark of a time: left out", number)
            continue
        for parameters, cells in _combinations(_fields(entry, columns), name):
            if cells["samples"] is None and cells["result"] is None:
                notes.add(f"{_listed(parameters)}: no result: left out", number)
                continue
            benchmarks.append((name, parameters, cells, number))
            recorded.append(cells["samples"])
    saved = bool(recorded) and all(recorded) and not asked.time
    rows = []
    for name, parameters, cells, number in benchmarks:
        samples = cells.pop("samples")
        made = [{"result": sample} for sample in samples] if saved else [cells]
        rows.append(Benchmark(name, parameters or None, made, number))
    return benchmark_table(
        rows,
        notes,
        time="result",
        units={"result": "s"},
        **({} if saved else {"spread": "spread", "repeats": "repeats"}),
    )


def _fields(entry: Any, columns: Any) -> dict[str, Any]:
    """Return a result by field, as today's files name them, or older ones."""
    if isinstance(entry, list) and isinstance(columns, list):
        return dict(zip(map(str, columns), entry, strict=False))
    if isinstance(entry, dict):
        given = entry.get("stats")
        given = given if isinstance(given, list) else []
        stats = [each if isinstance(each, dict) else {} for each in given]
        lists = {
            f"stats_{key}": [each.get(key) for each in stats] for key in ("q_25", "q_75", "repeat")
        }
        return {**lists, **entry}
    return {"result": entry if isinstance(entry, list) else [entry]}


def _combinations(
    fields: dict[str, Any], name: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the parameters of each value of a result, with the value and its samples."""
    given = fields.get("params")
    lists = [each for each in given if isinstance(each, list)] if isinstance(given, list) else []
    count = 1
    for each in lists:
        count *= len(each)
    if count > _MOST_COMBINATIONS:
        raise InputError(f"{text(name)}: more than {_MOST_COMBINATIONS:,} combinations: too many")
    for at, values in enumerate(product(*lists)):
        labels = _labels(values)
        result = _at(fields.get("result"), at)
        quartiles = _at(fields.get("stats_q_25"), at), _at(fields.get("stats_q_75"), at)
        number = isinstance(result, int | float) and not math.isnan(result)
        spread = None
        if all(isinstance(q, int | float) for q in quartiles):
            spread = max(0.0, quartiles[1] - quartiles[0]) / _QUARTILES
        yield (
            labels,
            {
                "result": result if number else None,
                "samples": finite_list(_at(fields.get("samples"), at)),
                "spread": spread,
                "repeats": _at(fields.get("stats_repeat"), at),
            },
        )


def _labels(values: tuple[Any, ...]) -> dict[str, Any]:
    """Name the parameters: n, if one of them is a number, and param1, param2 and so on."""
    plain = [text(value).strip("'\"") for value in values]
    numbers = [at for at, value in enumerate(plain) if is_number(value)]
    return {"n" if numbers == [at] else f"param{at + 1}": value for at, value in enumerate(plain)}


def _at(values: Any, index: int) -> Any:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _listed(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in parameters.items())
