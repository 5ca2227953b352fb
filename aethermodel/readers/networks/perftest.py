"""perftest (ib_send_lat, ib_write_bw and kin): tables of latency, bandwidth and message rate."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.choice import Asked
from aethermodel.readers.document import Document
from aethermodel.readers.networks.rates import Rate, finest
from aethermodel.readers.networks.text_tables import (
    Header,
    network_table,
    rows_below_headers,
)
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "perftest"

_TITLE = re.compile(r"^\s+(?P<test>[A-Z][\w ]*?(?:Latency|BW|Bandwidth)) Test\s*$")
_SIZES = re.compile(r"^\s*#bytes\s+#iterations\s+\S")
# Blanks stand in the names as well as between them.
_NAME = re.compile(r"#\w+|[\w.%]+(?: (?:peak|average|percentile))?\[[^\]]+\]")
_SETTING = re.compile(
    r"(?<!\S)(Number of qps|Transport type|Connection type|TX depth|RX depth|CQ Moderation"
    r"|Mtu|Link type|Max inline data|Post List)\s*:\s*(\S+)"
)
_RATES = {
    "MsgRate[Mpps]": Rate(1e6, per_byte=False),
    "BW average[MB/sec]": Rate(2.0**20, per_byte=True),
    "BW average[Gb/sec]": Rate(1e9 / 8, per_byte=True),
    "BW average[MiB/sec]": Rate(2.0**20, per_byte=True),
}
# Settings and addresses, and what a program says of its device.
_ABOUT = re.compile(r"^ [\w][\w .*#-]*?[ \t]*: ?\S|^Device not recognized")


def recognises(document: Document) -> bool:
    """Whether it has a header of perftest."""
    return not document.is_json and any(map(_SIZES.match, document.unlabelled))


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each size; rates become times of a message."""
    notes = Notes()
    settings: dict[str, str] = {"op": "unnamed test"}

    def header_of(line: str) -> Header | bool:
        title = _TITLE.match(line)
        if title:
            settings.clear()
            settings["op"] = title["test"]
        settings.update((name, value) for name, value in _SETTING.findall(line))
        if not _SIZES.match(line):
            return bool(title or _ABOUT.match(line))
        return Header([name.lstrip("#") for name in _NAME.findall(line)], dict(settings))

    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in rows_below_headers(document.unlabelled, header_of, notes):
        labels = dict(row.header.labels)
        cells = row.cells
        time, step = cells.get("t_avg[usec]") or cells.get("t_typical[usec]"), None
        if time is None:
            rates = [(cells.get(name), rate) for name, rate in _RATES.items()]
            seconds, step = finest(cells["bytes"], rates)
            if seconds is None:
                notes.add(f"no time or rate under {quoted(', '.join(cells))}: left out", row.line)
                continue
            time, step = str(seconds * 1e6), (step or 0.0) * 1e6
        figures = {name.partition("[")[0]: cell for name, cell in cells.items() if "[usec]" in name}
        rows.append(
            {
                **labels,
                **figures,
                "labels": labels,
                "table": row.table,
                "title": row.title,
                "kind": _kind(labels["op"]),
            }
            | {"bytes": cells["bytes"], "time": time, "step": step}
            | {"iterations": cells.get("iterations")}
        )
        lines.append(row.line)
    times = dict.fromkeys(n for row in rows for n in row if n.startswith("t_") or "%" in n)
    return network_table(
        rows, lines, notes,
        group=tuple(dict.fromkeys(name for row in rows for name in row["labels"])),
        units=dict.fromkeys((*times, "time"), "us"),
        repeats="iterations",
        spread="t_stdev",
        resolution="step" if any(row["step"] for row in rows) else "",
    )  # fmt: skip


def _kind(test: str) -> str:
    """Return what a time is of: a ping-pong's is half its round trip, a READ's is all of it."""
    if "Latency" not in test:
        return "per operation"
    return "round trip" if "Read" in test or "Atomic" in test else "one way"
