"""Intel MPI Benchmarks (IMB): every benchmark and group of processes of a run."""

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

NAME = "imb"

_TITLE = re.compile(r"^\s*#\s*Benchmarking\s+(\S.*?)\s*$")
_PROCESSES = re.compile(r"^\s*#\s*#processes\s*=\s*(\d+)")
_GROUPS = re.compile(r"^\s*#\s*\(\s*(\d+) groups of (\d+) processes")
_MODE = re.compile(r"^\s*#\s*MODE:\s*(.*?)\s*$")
_SIZES = re.compile(r"^\s*#bytes\s+#repetitions\s+t\w*\[usec\]")
_NO_SIZES = re.compile(r"^\s*#repetitions\s+t\w*\[usec\]")
_TIMES = ("t[usec]", "t_avg[usec]", "t_ovrl[usec]")


def recognises(document: Document) -> bool:
    """Whether it has a title and a header of IMB."""
    lines = document.unlabelled
    return any(map(_SIZES.match, lines)) and any(map(_TITLE.match, lines))


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each size, with its benchmark and its number of processes."""
    notes = Notes()
    settings: dict[str, str] = {}

    def header_of(line: str) -> Header | None:
        title, processes, groups = _TITLE.match(line), _PROCESSES.match(line), _GROUPS.match(line)
        mode = _MODE.match(line)
        if title:
            settings.clear()
            settings["op"] = title[1]
        elif processes:
            settings["processes"] = processes[1]
        elif groups:
            settings["groups"] = groups[1]
            settings["processes"] = groups[2]
        elif mode:
            settings["mode"] = mode[1]
        if (_SIZES.match(line) or _NO_SIZES.match(line)) and "op" in settings:
            return Header(line.split(), dict(settings))
        return None

    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in rows_below_headers(document.unlabelled, header_of, notes):
        if "#bytes" not in row.cells:
            notes.add(f"{row.header.labels['op']} has no sizes: left out", row.line)
            continue
        labels = dict(row.header.labels)
        time = next((row.cells[name] for name in _TIMES if name in row.cells), None)
        kind = (
            "one way" if labels["op"] in ("PingPong", "PingPongSpecificSource") else "per operation"
        )
        figures = {
            name.removesuffix("[usec]"): cell
            for name, cell in row.cells.items()
            if name.endswith("[usec]")
        }
        rows.append(
            {
                **labels,
                **figures,
                "labels": labels,
                "table": row.table,
                "title": row.title,
                "kind": kind,
            }
            | {"bytes": row.cells["#bytes"], "time": time}
            | {"repetitions": row.cells["#repetitions"]}
        )
        lines.append(row.line)
    return network_table(
        rows, lines, notes,
        group=tuple(dict.fromkeys(name for row in rows for name in row["labels"])),
        units={n: "us" for row in rows for n in row if n.startswith("t")},
        repeats="repetitions",
    )  # fmt: skip
