"""ucx_perftest: final lines of its runs, of its batches of tests, and its CSV."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.benchmarks.benchmark_names import parameters_of
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.command_lines import size_in_command
from aethermodel.readers.networks.text_tables import network_table
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "ucx"

_HEAD = re.compile(r"^\|\s*\|\s*\|\s*(?P<what>latency|overhead) \((?P<unit>usec|nsec)\)")
_CSV = re.compile(r"^(?P<columns>.*iterations,[\d.]+_percentile_lat,avg_lat,overall_lat,.*)$")
_TEST = re.compile(r"^\|\s*Test:\s+(.*?)\s*\|$")
_SIZE = re.compile(r"^\|\s*Message size:\s+(\d+)\s*\|$")
_BATCH = re.compile(r"^\+([^-+|\s][^|+]*?)-+\+-")
_FINAL = re.compile(
    r"^\s*(?P<name>\S+?):?\s+(?P<iterations>[\d,]+)\s+(?P<p50>[\d.]+)\s+(?P<average>[\d.]+)\s+"
    r"(?P<time>[\d.]+)\s+[\d.]+\s+[\d.]+\s+[\d.,]+\s+[\d.,]+\s*$"
)


def recognises(document: Document) -> bool:
    """Whether it has a header of ucx_perftest."""
    return any(_HEAD.match(line) or _CSV.match(line) for line in document.lines)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each final line; the time is the overall one."""
    notes = Notes()
    found: list[tuple[int, str, int | None, dict[str, Any]]] = []
    size: int | None = None
    test, label, latency = "", "", False
    columns: list[str] = []
    for number, line in enumerate(document.lines, 1):
        size = size_in_command(line, "ucx_perftest") or size
        head, table, final = _HEAD.match(line), _CSV.match(line), _FINAL.match(line)
        said, named, batch = _SIZE.match(line), _TEST.match(line), _BATCH.match(line)
        if head:
            latency, label = head["what"] == "latency", ""
        elif table:
            columns = table["columns"].split(",")
        elif said:
            size = int(said[1])
        elif named:
            test = named[1]
        elif batch and not batch[1].startswith("---"):
            label = batch[1]
        elif columns and line.count(",") == len(columns) - 1:
            cells = dict(zip(columns, line.split(","), strict=True))
            name = next(iter(cells.values()))
            figures: dict[str, Any] = {
                "iterations": cells.get("iterations"),
                "p50": next((v for k, v in cells.items() if k.endswith("percentile_lat")), None),
                "average": cells.get("avg_lat"),
                "time": cells.get("overall_lat"),
                "kind": _kind(name, latency),
            }
            found.append((number, name, None, figures))
        elif final and final["name"] != "[thread":
            name = label if final["name"] == "Final" else final["name"]
            figures = {
                k: final[k].replace(",", "") for k in ("iterations", "p50", "average", "time")
            }
            found.append(
                (number, name or test, None if name else size,
                 figures | {"kind": _kind(name or test, latency)})
            )  # fmt: skip
            size = None if not name else size
        elif "UCX  ERROR" in line or "Failed to" in line:
            notes.add("an error: left out", number)
    if not found:
        raise InputError("a header without a final line: run it again")
    said_by = parameters_of([name for _, name, _, _ in found])
    rows, lines = [], []
    for (number, name, known, figures), parts in zip(found, said_by, strict=True):
        numbers = list(parts.parameters.values())
        if known is None and len(numbers) != 1:
            raise InputError(
                f"line {number}: a result without its message size ({quoted(name)}): keep the "
                "command line with -s SIZE before it, or name tests of a batch by size"
            )
        size_and_test: dict[str, Any] = {
            "bytes": numbers[0] if known is None else known,
            "test": parts.family,
            "table": 1,
        }
        rows.append(size_and_test | figures)
        lines.append(number)
    names = ("time", "p50", "average")
    return network_table(
        rows, lines, notes,
        group=("test", "kind") if len({row["kind"] for row in rows}) > 1 else ("test",),
        units=dict.fromkeys(names, "us"),
        repeats="iterations",
    )  # fmt: skip


def _kind(test: str, latency: bool) -> str:
    """Return what a time is of: a latency test's is half a round trip."""
    return (
        "one way"
        if latency or re.search(r"(?i)(^|[_ ])lat(ency)?([_ ]|$)", test)
        else "per operation"
    )
