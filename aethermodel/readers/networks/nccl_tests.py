"""nccl-tests (and rccl-tests): times of collectives, out of place and in place."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.text_tables import (
    Header,
    network_table,
    rows_below_headers,
)
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "nccl-tests"

_SIZES = re.compile(r"^\s*#\s*size\s+count\s+(?:\(elements\)\s+)?type\b.*\btime\s+algbw\s+busbw\b")
_ITERATIONS = re.compile(r"(?<!\w)(?<!warmup )(?<!agg )iters: (\d+)")
_TEST = re.compile(r"(\w+)_perf\b")
_PLACES = ("out-of-place", "in-place")


def recognises(document: Document) -> bool:
    """Whether it has a header of nccl-tests."""
    return any(map(_SIZES.match, document.unlabelled))


def parse(document: Document, asked: Asked) -> Table:
    """Return two rows for each size: out of place and in place."""
    notes = Notes()
    settings: dict[str, str] = {}

    def header_of(line: str) -> Header | None:
        test, iterations = _TEST.search(line), _ITERATIONS.search(line)
        if test and (line.lstrip().startswith("#") or not line[:1].isspace()):
            settings["op"] = test[1]
        if iterations:
            settings["iterations"] = iterations[1]
        if not _SIZES.match(line):
            return None
        names = line.lstrip("# ").split()
        places = iter(_PLACES)
        place = ""
        named = []
        for name in names:
            if name == "time":
                place = next(places, "further")
            named.append(f"{place} {name}" if place else name)
        return Header(named, dict(settings))

    lines_read = document.unlabelled
    # Where a program has no reduction its rows may leave two columns empty.
    lines_read = [_filled(line) for line in lines_read]
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in rows_below_headers(lines_read, header_of, notes):
        labels = {k: v for k, v in row.header.labels.items() if k != "iterations"}
        labels |= {k: row.cells[k] for k in ("type", "redop", "root") if k in row.cells}
        for place in _PLACES:
            if f"{place} time" not in row.cells:
                continue
            wrong = next((v for k, v in row.cells.items() if k in
                          (f"{place} #wrong", f"{place} error")), "0")  # fmt: skip
            if wrong.isdigit() and int(wrong):
                notes.add(f"{place}: {wrong} wrong results; its time is kept", row.line)
            own = labels | {"place": place}
            rows.append(
                {
                    **own,
                    "labels": own,
                    "table": row.table,
                    "title": row.title,
                    "kind": "per operation",
                }
                | {"bytes": row.cells["size"], "time": row.cells[f"{place} time"]}
                | {"iterations": row.header.labels.get("iterations")}
            )
            lines.append(row.line)
    return network_table(
        rows, lines, notes,
        group=tuple(dict.fromkeys(name for row in rows for name in row["labels"])),
        units={"time": "us"},
        repeats="iterations",
    )  # fmt: skip


def _filled(line: str) -> str:
    """Return a row with the two columns that some programs leave empty."""
    words = line.split()
    if len(words) == 11 and words[0].isdigit() and words[1].isdigit() and not words[2].isdigit():
        return " ".join((*words[:3], "none", "-1", *words[3:]))
    return line
