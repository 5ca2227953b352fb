"""sockperf: latency or message rate of each run, its size from the command before it."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.networks.command_lines import size_in_command
from aethermodel.readers.networks.rates import Rate, finest
from aethermodel.readers.networks.text_tables import network_table
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "sockperf"

_BEGIN = re.compile(r"^sockperf: == version")
_AVERAGE = re.compile(
    r"avg-(?P<kind>latency|lat|rtt)=\s*(?P<time>[\d.]+)(?: \(std-dev=(?P<spread>[\d.]+))?"
)
_COUNT = re.compile(r"Total (\d+) observations")
_SIZE = re.compile(r"msg-size=(\d+)")
_RATE = re.compile(r"Summary: Message Rate is (\d+(?:\.\d+)?) \[msg/sec\]")
_PERCENTILE = re.compile(
    r"---> (?:percentile (?P<at>[\d.]+)|<(?P<end>MAX|MIN)> observation) =\s*(?P<time>[\d.]+)"
)
_FAILED = re.compile(r"sockperf: ERROR|No valid observations|No messages were received")


def recognises(document: Document) -> bool:
    """Whether sockperf printed it."""
    return any(map(_BEGIN.match, document.lines)) or bool(
        "sockperf: " in document.text and _AVERAGE.search(document.text)
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each run."""
    notes = Notes()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    size: int | None = None
    row: dict[str, Any] | None = None
    for number, line in enumerate(document.lines, 1):
        size = size_in_command(line, "sockperf") or size
        if _BEGIN.match(line):
            row = None
        if _FAILED.search(line):
            notes.add("a run that failed: left out", number)
        said = _SIZE.search(line)
        if said and not line.startswith("+"):
            size = int(said[1])
        average, rate, count = _AVERAGE.search(line), _RATE.search(line), _COUNT.search(line)
        tail = _PERCENTILE.search(line)
        if average or rate:
            if size is None:
                raise InputError(
                    f"line {number}: a result without its message size: keep the command line "
                    "with -m SIZE before it (set -x shows it)"
                )
            row = {"bytes": size, "table": 1, "kind": "per operation"}
            if average:
                row["kind"] = "round trip" if average["kind"] == "rtt" else "one way"
                row |= {"time": average["time"], "stddev": average["spread"]}
            elif rate:
                seconds, step = finest(str(size), [(rate[1], Rate(1.0, per_byte=False))])
                row |= {"time": str((seconds or 0.0) * 1e6), "step": (step or 0.0) * 1e6}
            rows.append(row)
            lines.append(number)
            size = size if not average else None
        elif row is not None and count:
            row["observations"] = count[1]
        elif row is not None and tail:
            row[f"p{float(tail['at']):g}" if tail["at"] else tail["end"].lower()] = tail["time"]
    times = dict.fromkeys(n for row in rows for n in row if n[:1] == "p" or n in ("min", "max"))
    kinds = {row["kind"] for row in rows}
    for at in rows if len(kinds) > 1 else ():
        at["test"] = at["kind"]
    return network_table(
        rows, lines, notes,
        group=("test",) if len(kinds) > 1 else (),
        units=dict.fromkeys((*times, "time"), "us"),
        repeats="observations",
        spread="stddev",
        resolution="step" if any(row.get("step") for row in rows) else "",
    )  # fmt: skip
