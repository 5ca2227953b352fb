"""iperf3's JSON, of one run or several: time of a block at the rate that was reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.benchmarks.rows import objects, text
from aethermodel.readers.choice import Asked
from aethermodel.readers.document import Document
from aethermodel.readers.networks.text_tables import network_table
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "iperf3"


def recognises(document: Document) -> bool:
    """Whether it has the objects that iperf3 writes at the start and at the end."""
    words = ('"start"', '"intervals"', '"end"')
    return all(word in document.text for word in words) and (
        any(line.startswith("{") for line in document.lines)
    )


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each interval of each run, or one for a run of one interval."""
    notes = Notes()
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, content in _documents(document, notes):
        start = _dict(content.get("start"))
        test = _dict(start.get("test_start"))
        size = _positive(test.get("blksize"))
        if content.get("error"):
            notes.add(f"failed: {quoted(text(content['error']))}: left out", line)
            continue
        sums = [_dict(each.get("sum")) for each in objects(content.get("intervals"))]
        sums = [each for each in sums if not each.get("omitted")]
        end = _dict(content.get("end"))
        if len(sums) < 2:
            sums = [_dict(end.get("sum_received")) or _dict(end.get("sum"))]
        for each in sums:
            rate = _positive(each.get("bits_per_second"))
            if size is None or rate is None:
                notes.add("no block size or no rate: left out", line)
                continue
            labels = {
                "protocol": text(test.get("protocol")),
                "streams": text(test.get("num_streams")),
                "reverse": text(test.get("reverse")),
            }
            rows.append(
                {**labels, "bytes": size, "time": 8 * size / rate, "labels": labels, "table": 1}
                | {"kind": "per operation"}
            )
            lines.append(line)
    return network_table(
        rows, lines, notes, group=("protocol", "streams", "reverse"), units={"time": "s"}
    )


def _documents(document: Document, notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the first line and the value of each object of a file; note what is none."""
    if document.json is not None:
        for number, each in enumerate(objects(document.json) or [_dict(document.json)], 1):
            yield number, each
        return
    begun = 0
    for number, line in enumerate(document.lines, 1):
        if line.startswith("{"):
            if begun:
                notes.add("cut off: left out", begun)
            begun = number
        if line.startswith("}") and begun:
            part = "\n".join(document.lines[begun - 1 : number]).encode("utf-8", "surrogatepass")
            try:
                yield begun, _dict(parse_json(part, finite=False))
            except InputError:
                notes.add("no JSON: left out", begun)
            begun = 0
    if begun:
        notes.add("cut off: left out", begun)


def _positive(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e18:
        return value
    return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
