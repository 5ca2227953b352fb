"""perftest (ib_send_lat, ib_write_bw and kin): tables, and the JSON of ``--out_json``."""

from __future__ import annotations

import re
from typing import Any

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.benchmarks.benchmark_table import as_object, json_documents, positive, text
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
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
# fmt: off
_JSON_SETTINGS = frozenset((
    "Number_of_qps", "Transport_type", "Connection_type", "TX_depth", "RX_depth", "CQ_Moderation",
    "Mtu", "Link_type", "Max_inline_data", "Post_List",
))
# fmt: on
# Microseconds that the last digit of a latency is worth.
_SHOWN_LATENCY = 0.01
# Rounded rates are this near to one another; a MB and a Gb are far apart.
_SAME_UNIT = 0.2
# Settings and addresses, and what a program says of its device.
_ABOUT = re.compile(r"^ [\w][\w .*#-]*?[ \t]*: ?\S|^Device not recognized")


def recognises(document: Document) -> bool:
    """Whether it has a header of perftest, or the objects that it writes as JSON."""
    if document.is_json:
        return all(word in document.text for word in ('"test_info"', '"results"', '"MsgSize"'))
    return any(map(_SIZES.match, document.unlabelled))


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each size; rates become times of a message."""
    notes = Notes()
    if document.is_json:
        return _of_json(document, notes)
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


def _of_json(document: Document, notes: Notes) -> Table:
    """Return a row for each document: perftest writes one for the last size of a run."""
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, content in json_documents(document, notes):
        about, said = as_object(content.get("test_info")), as_object(content.get("results"))
        size = said.get("MsgSize")
        time, step = said.get("t_avg", said.get("t_typical")), _SHOWN_LATENCY
        if time is None:
            cells = [
                (_written(said.get(name), digits), rate)
                for name, (digits, rate) in _json_rates(said).items()
            ]
            seconds, error = finest(text(size), cells)
            if seconds is None:
                notes.add("no time or rate: left out", line)
                continue
            time, step = seconds * 1e6, (error or 0.0) * 1e6
        labels = {
            name.replace("_", " "): text(value)
            for name, value in about.items()
            if name in _JSON_SETTINGS
        }
        test = text(about.get("test")).replace("_", " ").strip().removesuffix(" Test")
        labels = {"op": test or "unnamed test"} | labels
        figures = {name: said[name] for name in said if name.startswith("t_")}
        rows.append(
            {**labels, **figures, "labels": labels, "table": 1, "title": "", "kind": _kind(test)}
            | {"bytes": size, "time": time, "step": step, "iterations": said.get("n_iterations")}
        )
        lines.append(line)
    times = dict.fromkeys(name for row in rows for name in row if name.startswith("t_"))
    return network_table(
        rows, lines, notes,
        group=tuple(dict.fromkeys(name for row in rows for name in row["labels"])),
        units=dict.fromkeys((*times, "time"), "us"),
        repeats="iterations",
        spread="t_stdev",
        resolution="step",
    )  # fmt: skip


def _json_rates(said: dict[str, Any]) -> dict[str, tuple[int, Rate]]:
    """Digits and unit of each rate; the JSON says of no bandwidth whether it is MB or Gb."""
    known = {"MsgRate": (6, Rate(1e6, per_byte=False))}
    rate, bandwidth, size = (positive(said.get(n)) for n in ("MsgRate", "BW_average", "MsgSize"))
    if rate is None or bandwidth is None or size is None:
        return known
    unit = size * rate * 1e6 / bandwidth
    for bytes_of in (2.0**20, 1e9 / 8):
        if abs(unit / bytes_of - 1) < _SAME_UNIT:
            known["BW_average"] = (2, Rate(bytes_of, per_byte=True))
    return known


def _written(value: Any, digits: int) -> str | None:
    """Return a rate as perftest printed it, so that its digits tell how much was rounded."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.{digits}f}" if number and abs(value) < 1e15 else None


def _kind(test: str) -> str:
    """Return what a time is of: a ping-pong's is half its round trip, a READ's is all of it."""
    if "Latency" not in test:
        return "per operation"
    return "round trip" if "Read" in test or "Atomic" in test else "one way"
