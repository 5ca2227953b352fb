"""OSU micro-benchmarks: latency, bandwidth, message rate and collectives."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.rates import Rate, finest
from aethermodel.readers.networks.text_tables import (
    Header,
    network_table,
    rows_below_headers,
    spaced_names,
)
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "osu"

_TITLE = re.compile(r"^\s*#\s*OSU (?P<test>\S.*?)(?:\s+v?\d[\w.]*)?\s*$")
_SIZES = re.compile(r"^\s*#?\s*Size\s{2,}\S")
_SETTING = re.compile(
    r"^\s*#\s*(Datatype|Window creation|Synchronization|Pairs)\s*:\s*(.*?)\.?\s*$"
)
_PAIRS = re.compile(r"^\s*#?\s*\[\s*pairs:\s*(\d+)")
# A ping-pong's time is half its round trip; that of everything else is one operation's.
_PING_PONG = re.compile(
    r"(?i)^\S+( (multi|multi-threaded|multi-process|persistent|hybrid))? latency"
)
_TIMES = ("Latency(us)", "Avg Latency(us)", "Overall(us)")
_RATES = {"Messages/s": Rate(1.0, per_byte=False), "MB/s": Rate(1e6, per_byte=True)}
_RATES["Bandwidth(MB/s)"] = _RATES["MB/s"]


def recognises(document: Document) -> bool:
    """Whether it has a title of OSU and a header of sizes."""
    lines = document.unlabelled
    return any(map(_TITLE.match, lines)) and any(map(_SIZES.match, lines))


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each size, with its operation; bandwidths become times of a message."""
    notes = Notes()
    settings: dict[str, str] = {}

    def header_of(line: str) -> Header | None:
        title, setting, pairs = _TITLE.match(line), _SETTING.match(line), _PAIRS.match(line)
        if title:
            settings.clear()
            settings["op"] = " ".join(title["test"].removesuffix("Test").split())
        elif setting:
            settings[setting[1].lower()] = setting[2]
        elif pairs:
            settings["pairs"] = pairs[1]
        if not _SIZES.match(line) or "op" not in settings:
            return None
        # "Latency (us)" and "Latency(us)" are one name.
        names = [name.replace(" (", "(") for name in spaced_names(line)]
        return Header(names, dict(settings))

    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in rows_below_headers(document.unlabelled, header_of, notes):
        labels = dict(row.header.labels)
        cells = row.cells
        time = next((cells[name] for name in _TIMES if name in cells), None)
        step = None
        if time is None:
            seconds, step = finest(cells["Size"], [(cells.get(n), r) for n, r in _RATES.items()])
            if seconds is None:
                notes.add(f"no time or rate under {quoted(', '.join(cells))}: left out", row.line)
                continue
            time, step = str(seconds * 1e6), (step or 0.0) * 1e6
        kind = "one way" if _PING_PONG.match(labels["op"]) else "per operation"
        figures = {name: cell for name, cell in cells.items() if name not in ("Size", *_RATES)}
        rows.append(
            {
                **labels,
                **figures,
                "labels": labels,
                "table": row.table,
                "title": row.title,
                "kind": kind,
            }
            | {"bytes": cells["Size"], "time": time, "step": step}
            | {"iterations": cells.get("Iterations")}
        )
        lines.append(row.line)
    return network_table(
        rows, lines, notes,
        group=tuple(dict.fromkeys(name for row in rows for name in row["labels"])),
        units={n: "us" for row in rows for n in row if n.endswith("(us)")} | {"time": "us"},
        repeats="iterations",
        resolution="step" if any(row["step"] for row in rows) else "",
    )  # fmt: skip
