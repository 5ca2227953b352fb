"""hyperfine's exports: JSON with every run's time, or CSV with means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.benchmarks.benchmark_table import (
    Benchmark,
    benchmark_table,
    finite_list,
    is_number,
    objects,
    text,
)
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table
from aethermodel.readers.tables.delimited import cells

NAME = "hyperfine"

_TIMES = ("mean", "stddev", "median", "user", "system", "min", "max")
_CSV = f"command,{','.join(_TIMES)}"


def recognises(document: Document) -> bool:
    """Whether it is an object of results with commands and means, or begins as the CSV does."""
    value = document.json
    if isinstance(value, dict):
        return any("command" in e and "mean" in e for e in objects(value.get("results")))
    return document.lines[0].startswith(_CSV)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each run of a command, or one for each command where only means are."""
    notes = Notes()
    if document.is_json:
        if not isinstance(document.json, dict):
            raise InputError(document.json_fault or "no object of results")
        found = list(enumerate(objects(document.json.get("results")), 1))
    else:
        header, *lines = (cells(line, ",") for line in document.lines)
        found = []
        for number, row in enumerate(lines, 2):
            if len(row) == len(header):
                found.append((number, dict(zip(header, row, strict=True))))
            elif any(row):
                notes.add("cut off: left out", number)
    each_run = not asked.time and all(finite_list(each.get("times")) for _, each in found)
    each_run |= asked.time == "time"
    commands = _families([(text(e.get("command")), _parameters(e)) for _, e in found])
    benchmarks = []
    rows: list[dict[str, Any]]
    for (number, each), command in zip(found, commands, strict=True):
        if each_run:
            codes = each.get("exit_codes")
            times = finite_list(each.get("times")) or []
            if not isinstance(codes, list) or len(codes) != len(times):
                codes = [0] * len(times)
            rows = [{"time": t} for t, code in zip(times, codes, strict=True) if not code]
            if len(rows) < len(times):
                notes.add(f"{len(times) - len(rows)} failed runs: left out", number)
        else:
            rows = [{name: each.get(name) for name in _TIMES}]
        benchmarks.append(Benchmark(command, _parameters(each) or None, rows, number))
    names = ("time",) if each_run else _TIMES
    return benchmark_table(
        benchmarks,
        notes,
        row_word="result" if document.is_json else "line",
        time="time" if each_run else "mean",
        units=dict.fromkeys(names, "s"),
        spread="" if each_run else "stddev",
    )


def _parameters(each: dict[str, Any]) -> dict[str, Any]:
    given = each.get("parameters")
    if isinstance(given, dict):
        return {str(name): value for name, value in given.items()}
    return {
        name.removeprefix("parameter_"): value
        for name, value in each.items()
        if name.startswith("parameter_")
    }


def _families(commands: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return the commands with the values of their parameters replaced by the names."""

    def words(command: str, name: str, value: str) -> str:
        return re.sub(rf"(?<![\w.]){re.escape(value)}(?![\w.])", lambda _: f"{{{name}}}", command)

    def anywhere(command: str, name: str, value: str) -> str:
        return command.replace(value, f"{{{name}}}")

    ways = []
    for replaced in (words, anywhere):
        made = []
        for command, parameters in commands:
            family = command
            for name, value in sorted(parameters.items(), key=lambda pair: -len(text(pair[1]))):
                if text(value) and (is_number(value) or len(text(value)) > 1):
                    family = replaced(family, name, text(value))
            made.append(family)
        ways.append(made)
    return min(ways, key=lambda made: len({*made}))
