"""NetPIPE: what it prints, and its file of bytes, megabits a second and seconds."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.text_tables import network_table
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "netpipe"

_PRINTED = re.compile(
    r"^\s*\d+:\s+(?P<bytes>\d+) bytes\s+(?P<times>\d+) times\s+-->\s+\S+\s+[MG]bps in\s+"
    r"(?P<time>[\d.]+|nan|inf) usec"
)
_CUT = re.compile(r"^\s*\d+:\s+\d+ bytes")
_FILED = re.compile(r"^\s*(?P<bytes>\d+)\s+(?P<rate>\d+\.\d+)\s+(?P<time>\d+\.\d+)\s*$")
#: NetPIPE's megabit is 2^20 bits, and times are half a round trip.
_MEGABIT = 2.0**20


def recognises(document: Document) -> bool:
    """Whether it has lines of NetPIPE, or three columns of which one follows from the others."""
    if any(map(_PRINTED.match, document.lines)):
        return True
    filed = [_FILED.match(line) for line in document.lines if line.strip()]
    return len(filed) > 1 and all(found and _agrees(found) for found in filed)


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each size."""
    notes = Notes()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    table, last = 1, -1
    for number, line in enumerate(document.lines, 1):
        printed, filed = _PRINTED.match(line), _FILED.match(line)
        found = printed or filed
        if found is None:
            if line.strip():
                cut = "cut off" if _CUT.match(line) else "no row of a table"
                notes.add(f"{cut}: left out", number)
            continue
        size = int(found["bytes"])
        if size < last:  # sizes rise within a run
            table += 1
        last = size
        time = found["time"]
        rows.append(
            {"bytes": found["bytes"], "time": time if printed else _microseconds(time)}
            | {"times": printed["times"] if printed else None, "table": table, "kind": "one way"}
        )
        lines.append(number)
    return network_table(rows, lines, notes, units={"time": "us"}, repeats="times")


def _microseconds(seconds: str) -> str:
    """Return seconds as printed in microseconds, with the same last digit."""
    digits = len(seconds.partition(".")[2])
    return f"{float(seconds) * 1e6:.{max(0, digits - 6)}f}"


def _agrees(found: re.Match[str]) -> bool:
    """Whether the rate is the bits of a size over its time, as far as its digits say."""
    seconds = float(found["time"])
    step = 10.0 ** -len(found["time"].partition(".")[2])
    bits = int(found["bytes"]) * 8 / _MEGABIT
    rate = float(found["rate"])
    return seconds > step and bits / (seconds + step) <= rate <= bits / (seconds - step)
